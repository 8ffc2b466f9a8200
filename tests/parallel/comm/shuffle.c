/* Records reach their owners in order of sending rank and of adding; any length, any volume. */
#include "comm/shuffle.h"

#include <stdlib.h>
#include <string.h>

#include "comm/comm_private.h"

typedef struct item {
  uint32_t from, number;
} item;

/* The next record of what arrived: its bytes and its length. */
static const char *take(const char **at, uint32_t *length) {
  const char *record = *at + sizeof *length;
  memcpy(length, *at, sizeof *length);
  *at = record + *length;
  return record;
}

static int owner_of(const clv_comm *comm, uint32_t from, uint32_t number) {
  const item it = {from, number};
  return (int)(clv_hash(&it, sizeof it) % (uint64_t)clv_comm_size(comm));
}

/* Ranks of `silent` send nothing; record k of a rank is its name and k % 29 more bytes. */
static void add_all(clv_shuffle *s, const clv_comm *comm, uint32_t n, unsigned silent) {
  const uint32_t me       = (uint32_t)clv_comm_rank(comm);
  char           text[64] = {0};
  for (uint32_t k = 0; k < n && !(silent >> me & 1); k++) {
    const item it = {me, k};
    memcpy(text, &it, sizeof it);
    memset(text + sizeof it, (int)k, k % 29);
    CLV_CHECK(clv_shuffle_add(s, owner_of(comm, me, k), text, sizeof it + k % 29) == CLV_OK);
  }
}

static void expect_all(const clv_comm *comm, const char *at, size_t bytes, uint32_t n, unsigned silent) {
  const char *end = at + bytes;
  for (uint32_t from = 0; from < (uint32_t)clv_comm_size(comm); from++)
    for (uint32_t k = 0; k < n && !(silent >> from & 1); k++) {
      uint32_t length;
      item     it;
      if (owner_of(comm, from, k) != clv_comm_rank(comm)) continue;
      const char *record = take(&at, &length);
      memcpy(&it, record, sizeof it);
      CLV_CHECK(it.from == from && it.number == k && length == sizeof it + k % 29);
      for (uint32_t i = sizeof it; i < length; i++) CLV_CHECK(record[i] == (char)k);
    }
  CLV_CHECK(at == end);
}

static void records(const clv_comm *comm, uint32_t n, unsigned silent) {
  clv_shuffle *s  = NULL;
  const void  *at = NULL;
  size_t       bytes;
  CLV_CHECK(clv_shuffle_new(comm, &s) == CLV_OK);
  for (int again = 0; again < 2; again++) { /* a shuffle can be used again */
    add_all(s, comm, n, silent);
    CLV_CHECK(clv_shuffle_exchange(s, CLV_OK, &at, &bytes) == CLV_OK);
    expect_all(comm, at, bytes, n, silent);
  }
  clv_shuffle_free(&s);
  clv_shuffle_free(&s);
}

/* One record of 65 MiB and a bit from the last rank to the first: longer than a message. An empty one behind
 * it. */
static void a_large_record(const clv_comm *comm) {
  const size_t n    = ((size_t)65 << 20) + 3;
  const int    last = clv_comm_size(comm) - 1;
  char        *big  = malloc(n);
  clv_shuffle *s    = NULL;
  const void  *at   = NULL;
  size_t       bytes;
  CLV_CHECK(big != NULL && clv_shuffle_new(comm, &s) == CLV_OK);
  for (size_t i = 0; i < n; i++) big[i] = (char)(i * 2654435761u >> 24);
  if (clv_comm_rank(comm) == last) CLV_CHECK(clv_shuffle_add(s, 0, big, n) == CLV_OK);
  if (clv_comm_rank(comm) == last) CLV_CHECK(clv_shuffle_add(s, 0, NULL, 0) == CLV_OK);
  CLV_CHECK(clv_shuffle_exchange(s, CLV_OK, &at, &bytes) == CLV_OK);
  CLV_CHECK(bytes == (clv_comm_rank(comm) == 0 ? n + 8 : 0));
  if (clv_comm_rank(comm) == 0) {
    uint32_t    length;
    const char *walk = at;
    CLV_CHECK(memcmp(take(&walk, &length), big, n) == 0 && length == n);
    take(&walk, &length);
    CLV_CHECK(length == 0);
  }
  clv_shuffle_free(&s);
  free(big);
}

static void one_failure_is_everybodys(const clv_comm *comm) {
  clv_shuffle *s  = NULL;
  const void  *at = NULL;
  size_t       bytes;
  CLV_CHECK(clv_shuffle_new(comm, &s) == CLV_OK);
  clv_message_clear();
  const clv_status mine = clv_comm_rank(comm) == 0 ? clv_fail(CLV_EDATA, "line 7") : CLV_OK;
  CLV_CHECK(clv_shuffle_exchange(s, mine, &at, &bytes) == CLV_EDATA);
  CLV_CHECK(strcmp(clv_message(), "line 7") == 0 && at == NULL);
  clv_message_clear();
  /* a record that is too long is refused where it is added, and remembered */
  if (clv_comm_rank(comm) == 0) CLV_CHECK(clv_shuffle_add(s, 0, "", (size_t)1 << 31) == CLV_EDATA);
  CLV_CHECK(clv_shuffle_exchange(s, CLV_OK, &at, &bytes) == CLV_EDATA);
  CLV_CHECK(strstr(clv_message(), "2147483648 bytes is too long") != NULL);
  clv_message_clear();
  clv_shuffle_free(&s);
}

int main(int argc, char **argv) {
  clv_comm *comm = NULL;
  CLV_CHECK(clv_comm_init(&argc, &argv) == CLV_OK && clv_comm_world(&comm) == CLV_OK);
  records(comm, 0, 0);
  records(comm, 1, 0);
  for (unsigned silent = 0; silent < 1u << clv_comm_size(comm); silent++) records(comm, 1000, silent);
  records(comm, 1000000u / (unsigned)clv_comm_size(comm), 0);
  a_large_record(comm);
  one_failure_is_everybodys(comm);
  const size_t whole = comm->most_bytes;
  comm->most_bytes   = 13; /* as if messages ended here, inside a record */
  for (unsigned silent = 0; silent < 1u << clv_comm_size(comm); silent++) records(comm, 100, silent);
  comm->most_bytes = whole;
  clv_comm_free(&comm);
  clv_comm_finalize();
  return 0;
}
