/* What is written is read back to the bit; a file that is missing, cut short, damaged or of another kind is
 * refused in one sentence on every rank, and the library says nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/portfolio.h"

#define PER_RANK 700

/* Three columns that no two customers share. */
static clv_status columns_make(uint64_t first, uint64_t n, clv_customer_columns *c) {
  clv_status st = CLV_OK;
  *c            = (clv_customer_columns){.first = first, .n = n};
  CLV_TRY(clv_calloc(n + 1, sizeof *c->x, (void **)&c->x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->t_x, (void **)&c->t_x));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->T, (void **)&c->T));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->spend, (void **)&c->spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->n_spend, (void **)&c->n_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->positive_spend, (void **)&c->positive_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->log_spend, (void **)&c->log_spend));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->log_spend_ss, (void **)&c->log_spend_ss));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->litt, (void **)&c->litt));
  CLV_TRY(clv_calloc(n + 1, sizeof *c->segment, (void **)&c->segment));
  CLV_TRY(clv_calloc(n + 1, 2 * sizeof *c->covariate, (void **)&c->covariate));
  for (uint64_t i = 0; i < n; i++) {
    c->x[i]                 = (uint32_t)(first + i);
    c->T[i]                 = 1.0 / (double)(first + i + 1);
    c->segment[i]           = (uint32_t)((first + i) % 3);
    c->n_spend[i]           = (uint32_t)((first + i) / 2);
    c->positive_spend[i]    = (double)(first + i) * 0.3;
    c->log_spend[i]         = (double)(first + i) * 0.7;
    c->log_spend_ss[i]      = (double)(first + i) * 0.9;
    c->covariate[2 * i + 1] = (double)(first + i) * 0.1;
  }
out:
  return st;
}

static clv_status ids_make(uint64_t first, uint64_t n, char **ids, uint64_t **offset) {
  clv_status st   = CLV_OK;
  size_t     used = 0;
  CLV_TRY(clv_alloc(n * 24 + 1, 1, (void **)ids));
  CLV_TRY(clv_alloc(n + 1, sizeof **offset, (void **)offset));
  for (uint64_t i = 0; i < n; i++) {
    (*offset)[i] = used;
    used += (size_t)sprintf(*ids + used, "c%llu", (unsigned long long)first + i);
  }
  (*offset)[n] = used;
out:
  return st;
}

static clv_status portfolio_write(const clv_comm *comm, const char *path) {
  static const char *const   SEGMENT[]   = {"a", "b", "ü"};
  static const clv_covariate COVARIATE[] = {{"age", 45.5, 12.25}, {"kind=x", 0.0, 1.0}};
  clv_status                 st;
  clv_portfolio_writer      *w      = NULL;
  clv_customer_columns       c      = {0};
  clv_cell_columns           cell   = {0};
  char                      *ids    = NULL;
  uint64_t                  *offset = NULL, n_all = (uint64_t)clv_comm_size(comm) * PER_RANK;
  int64_t                    bytes;
  clv_portfolio_facts facts = {.n_customer = n_all, .n_segment = 3, .n_covariate = 2, .time_unit = "week"};
  CLV_TRY(columns_make((uint64_t)clv_comm_rank(comm) * PER_RANK, PER_RANK, &c));
  CLV_TRY(ids_make(c.first, c.n, &ids, &offset));
  bytes = (int64_t)offset[c.n];
  clv_comm_sum_i64(comm, &bytes, 1);
  CLV_TRY(clv_portfolio_create(comm, path, &facts, SEGMENT, COVARIATE, (uint64_t)bytes, &w));
  st = clv_portfolio_put_customers(w, &c, ids, offset);
  if (st == CLV_OK) st = clv_portfolio_put_cells(w, &cell);
  CLV_TRY(clv_portfolio_commit(&w, st));
out:
  clv_customer_columns_free(&c);
  free(ids);
  free(offset);
  return st;
}

/* Each rank reads another's part. */
static clv_status portfolio_compare(const clv_comm *comm, const char *path) {
  clv_status           st;
  clv_portfolio       *p = NULL;
  clv_customer_columns c = {0}, wanted = {0};
  char                *ids = NULL, *wanted_ids = NULL;
  uint64_t            *offset = NULL, *wanted_offset = NULL;
  const uint64_t       first = (uint64_t)((clv_comm_rank(comm) + 1) % clv_comm_size(comm)) * PER_RANK + 5,
                 n           = PER_RANK - 9;
  CLV_TRY(clv_portfolio_open(comm, path, &p));
  CLV_TRY(clv_portfolio_read_customers(p, first, n, &c));
  CLV_TRY(clv_portfolio_read_ids(p, first, n, &ids, &offset));
  CLV_TRY(columns_make(first, n, &wanted));
  CLV_TRY(ids_make(first, n, &wanted_ids, &wanted_offset));
  if (memcmp(c.x, wanted.x, n * sizeof *c.x) != 0 || memcmp(c.T, wanted.T, n * sizeof *c.T) != 0 ||
      memcmp(c.segment, wanted.segment, n * sizeof *c.segment) != 0 ||
      memcmp(c.n_spend, wanted.n_spend, n * sizeof *c.n_spend) != 0 ||
      memcmp(c.positive_spend, wanted.positive_spend, n * sizeof *c.positive_spend) != 0 ||
      memcmp(c.log_spend, wanted.log_spend, n * sizeof *c.log_spend) != 0 ||
      memcmp(c.log_spend_ss, wanted.log_spend_ss, n * sizeof *c.log_spend_ss) != 0 ||
      memcmp(c.covariate, wanted.covariate, 2 * n * sizeof *c.covariate) != 0 ||
      strcmp(ids, wanted_ids) != 0 || memcmp(offset, wanted_offset, (n + 1) * sizeof *offset) != 0 ||
      c.holdout_x != NULL || strcmp(clv_portfolio_segment(p, 2), "ü") != 0 ||
      strcmp(clv_portfolio_covariate(p, 1)->name, "kind=x") != 0 ||
      clv_portfolio_covariate(p, 0)->center != 45.5 || clv_portfolio_covariate(p, 0)->scale != 12.25 ||
      strlen(clv_portfolio_facts_get(p)->content) != 32)
    st = clv_fail(CLV_EFAULT, "what was read is not what was written");
out:
  clv_customer_columns_free(&c);
  clv_customer_columns_free(&wanted);
  free(ids);
  free(offset);
  free(wanted_ids);
  free(wanted_offset);
  clv_portfolio_close(&p);
  return st;
}

/* The file cut to `keep` bytes, or with garbage from byte `damage` on. */
static clv_status copy_spoiled(const char *from, const char *to, long keep, long damage) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  int   c;
  if (in == NULL || out == NULL) return clv_fail(CLV_EIO, "cannot copy %s", from);
  for (long i = 0; (keep < 0 || i < keep) && (c = fgetc(in)) != EOF; i++)
    fputc(damage >= 0 && i >= damage && i < damage + 64 ? c ^ 0x5a : c, out);
  fclose(in);
  return fclose(out) == 0 ? CLV_OK : CLV_EIO;
}

static clv_status refused(const clv_comm *comm, const char *path, bool may_pass) {
  clv_portfolio *p  = NULL;
  clv_status     st = clv_portfolio_open(comm, path, &p);
  if (st == CLV_EDATA && p == NULL && strstr(clv_message(), path) != NULL &&
      strchr(clv_message(), '\n') == NULL) {
    clv_message_clear();
    return CLV_OK;
  }
  clv_portfolio_close(&p);
  if (st == CLV_OK && may_pass) return CLV_OK;
  return clv_fail(CLV_EFAULT, "'%s' was not refused as it should: status %d", path, st);
}

static clv_status spoiled_check(const clv_comm *comm, const char *path, const char *spoiled) {
  clv_status st = CLV_OK;
  CLV_TRY(refused(comm, "/tmp/there is no such portfolio.h5", false));
  CLV_TRY(refused(comm, "/dev/null", false));
  CLV_TRY(refused(comm, "/tmp", false));
  for (long at = 0; at < 12000; at += at < 200 ? 20 : 500) {
    if (clv_comm_rank(comm) == 0) st = copy_spoiled(path, spoiled, at, -1);
    CLV_TRY(clv_comm_agree(comm, st));
    CLV_TRY(refused(comm, spoiled, false));
    if (clv_comm_rank(comm) == 0)
      st = copy_spoiled(path, spoiled, -1, at); /* may hit what is not looked at */
    CLV_TRY(clv_comm_agree(comm, st));
    CLV_TRY(refused(comm, spoiled, at > 0));
  }
out:
  return st;
}

/* The same with an ear on what is said meanwhile: the library's error stack would go to stderr. */
static clv_status silent_check(const clv_comm *comm, const char *path, const char *spoiled) {
  FILE      *ear   = tmpfile();
  const int  saved = dup(STDERR_FILENO);
  clv_status st;
  if (ear == NULL || saved < 0) return clv_fail(CLV_EIO, "cannot listen to stderr");
  dup2(fileno(ear), STDERR_FILENO);
  st = spoiled_check(comm, path, spoiled);
  dup2(saved, STDERR_FILENO);
  close(saved);
  if (st == CLV_OK && lseek(fileno(ear), 0, SEEK_END) != 0)
    st = clv_fail(CLV_EFAULT, "a library spoke on stderr");
  fclose(ear);
  return clv_comm_agree(comm, st);
}

int main(int argc, char **argv) {
  clv_status st;
  clv_comm  *comm     = NULL;
  char       path[64] = "/tmp/clv_portfolio_XXXXXX", spoiled[80];
  CLV_TRY(clv_comm_init(&argc, &argv));
  CLV_TRY(clv_comm_world(&comm));
  if (clv_comm_rank(comm) == 0) close(mkstemp(path));
  clv_comm_broadcast(comm, path, sizeof path, 0);
  snprintf(spoiled, sizeof spoiled, "%s.spoiled", path);
  CLV_TRY(portfolio_write(comm, path));
  CLV_TRY(portfolio_compare(comm, path));
  CLV_TRY(silent_check(comm, path, spoiled));
out:
  if (st < 0 && clv_comm_rank(comm) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_barrier(comm);
  if (clv_comm_rank(comm) == 0) {
    unlink(path);
    unlink(spoiled);
  }
  clv_comm_free(&comm);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
