#include "comm/shuffle.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm_private.h"

/* Of one message between two ranks. */
#define MOST_BYTES ((size_t)64 << 20)
#define LEAST_CAPACITY ((size_t)4096)

typedef struct outgoing {
  char  *data; /* owned */
  size_t bytes;
  size_t capacity;
} outgoing;

struct clv_shuffle {
  const clv_comm *comm;         /* borrowed */
  outgoing       *to;           /* owned, [size] */
  char           *arrived;      /* owned */
  uint64_t       *send_bytes;   /* owned, [size] */
  uint64_t       *arrive_bytes; /* owned, [size] */
  clv_status      first_error;  /* local until the next exchange */
};

clv_status clv_shuffle_new(const clv_comm *comm, clv_shuffle **out) {
  const size_t size = (size_t)clv_comm_size(comm);
  clv_shuffle *self = NULL;
  clv_status   st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->comm = comm;
  CLV_TRY(clv_calloc(size, sizeof *self->to, (void **)&self->to));
  CLV_TRY(clv_calloc(size, sizeof *self->send_bytes, (void **)&self->send_bytes));
  CLV_TRY(clv_calloc(size, sizeof *self->arrive_bytes, (void **)&self->arrive_bytes));
  *out = self, self = NULL;
out:
  clv_shuffle_free(&self);
  return st;
}

static void outgoing_clear(outgoing *to) {
  free(to->data);
  *to = (outgoing){0};
}

void clv_shuffle_free(clv_shuffle **self) {
  if (self == NULL || *self == NULL) return;
  if ((*self)->to != NULL)
    for (int r = 0; r < clv_comm_size((*self)->comm); r++) outgoing_clear(&(*self)->to[r]);
  free((*self)->to);
  free((*self)->arrived);
  free((*self)->send_bytes);
  free((*self)->arrive_bytes);
  free(*self);
  *self = NULL;
}

static clv_status outgoing_reserve(outgoing *to, size_t more) {
  size_t     need, grown;
  clv_status st = CLV_OK;
  if (__builtin_add_overflow(to->bytes, more, &need))
    return clv_fail(CLV_ENOMEM,
                    "the records for one rank are more than an address can reach: use more ranks");
  if (need <= to->capacity) return CLV_OK;
  grown = to->capacity + to->capacity / 2;
  if (grown < need) grown = need;
  if (grown < LEAST_CAPACITY) grown = LEAST_CAPACITY;
  CLV_TRY(clv_realloc(grown, 1, (void **)&to->data));
  to->capacity = grown;
out:
  return st;
}

static clv_status put(outgoing *to, const void *record, size_t bytes) {
  const uint32_t length = (uint32_t)bytes;
  clv_status     st     = CLV_OK;
  if (bytes > INT32_MAX)
    return clv_fail(CLV_EDATA, "a record of %zu bytes is too long to be sent: the most is 2^31 - 1", bytes);
  CLV_TRY(outgoing_reserve(to, sizeof length + bytes));
  memcpy(to->data + to->bytes, &length, sizeof length);
  if (bytes > 0) memcpy(to->data + to->bytes + sizeof length, record, bytes);
  to->bytes += sizeof length + bytes;
out:
  return st;
}

clv_status clv_shuffle_add(clv_shuffle *self, int owner, const void *record, size_t bytes) {
  CLV_CHECK(owner >= 0 && owner < clv_comm_size(self->comm));
  const clv_status st = put(&self->to[owner], record, bytes);
  if (st < 0 && self->first_error == CLV_OK) self->first_error = st;
  return st;
}

/* How much comes from whom, and room for it. Collective. */
static clv_status room_make(clv_shuffle *self, char **room, size_t *bytes) {
  const int  size  = clv_comm_size(self->comm);
  size_t     total = 0;
  clv_status mine  = CLV_OK;
  for (int r = 0; r < size; r++) self->send_bytes[r] = self->to[r].bytes;
  MPI_Alltoall(self->send_bytes, 1, MPI_UINT64_T, self->arrive_bytes, 1, MPI_UINT64_T, self->comm->mpi);
  for (int r = 0; r < size && mine == CLV_OK; r++)
    if (__builtin_add_overflow(total, self->arrive_bytes[r], &total))
      mine =
          clv_fail(CLV_ENOMEM, "the records for one rank are more than an address can reach: use more ranks");
  if (mine == CLV_OK) mine = clv_alloc(total, 1, (void **)room);
  *bytes = total;
  return clv_comm_agree(self->comm, mine);
}

/* One step of the ring: this rank's records to one rank, while another's come in, in bounded messages.
 * Whoever has no more talks to nobody. No rank waits but for a partner in the same step and message, so the
 * ring cannot lock. */
static void step_exchange(const clv_shuffle *self, int to, int from, char *room) {
  const size_t most = self->comm->most_bytes < MOST_BYTES ? self->comm->most_bytes : MOST_BYTES;
  const char  *data = self->to[to].data;
  size_t       out = self->to[to].bytes, in = (size_t)self->arrive_bytes[from];
  while (out > 0 || in > 0) {
    const size_t now_out = out < most ? out : most, now_in = in < most ? in : most;
    MPI_Sendrecv(data, (int)now_out, MPI_BYTE, now_out > 0 ? to : MPI_PROC_NULL, 0, room, (int)now_in,
                 MPI_BYTE, now_in > 0 ? from : MPI_PROC_NULL, 0, self->comm->mpi, MPI_STATUS_IGNORE);
    if (now_out > 0) data += now_out, out -= now_out;
    if (now_in > 0) room += now_in, in -= now_in;
  }
}

/* A ring of pairs and not MPI_Alltoallv: its displacements are int, and here each outgoing buffer is freed as
 * it is sent, so that a rank holds its records about once and not three times. */
static void deliver(clv_shuffle *self, char *room) {
  const int rank = clv_comm_rank(self->comm), size = clv_comm_size(self->comm);
  for (int step = 0; step < size; step++) {
    const int to = (rank + step) % size, from = (rank - step + size) % size;
    char     *at = room;
    for (int r = 0; r < from; r++) at += self->arrive_bytes[r];
    if (step > 0)
      step_exchange(self, to, from, at);
    else if (self->to[rank].bytes > 0)
      memcpy(at, self->to[rank].data, self->to[rank].bytes);
    outgoing_clear(&self->to[to]);
  }
}

clv_status clv_shuffle_exchange(clv_shuffle *self, clv_status mine, const void **records, size_t *bytes) {
  char      *room = NULL;
  size_t     total;
  clv_status st = CLV_OK;
  clv_comm_handshake(self->comm, CLV_COMM_SHUFFLE, 0);
  CLV_TRY(clv_comm_agree(self->comm, mine < 0 ? mine : self->first_error));
  free(self->arrived);
  self->arrived = NULL;
  CLV_TRY(room_make(self, &room, &total));
  CLV_CHECK(room != NULL);
  deliver(self, room);
  self->arrived = room, room = NULL;
  *records = self->arrived;
  *bytes   = total;
out:
  free(room);
  return st;
}

uint64_t clv_hash(const void *bytes, size_t n) {
  const unsigned char *byte = bytes;
  uint64_t             h    = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < n; i++) h = (h ^ byte[i]) * UINT64_C(0x100000001b3); /* FNV-1a, 64 bits */
  /* FNV's low bits mix slowly, and owners are taken modulo small numbers: MurmurHash3's 64-bit finalizer. */
  h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
  h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
  return h ^ (h >> 33);
}
