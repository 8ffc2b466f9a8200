#include "io/portfolio_make.h"

#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "io/design.h"
#include "io/keyed_rows.h"

/* Bytes of a cell's key: segment, covariates, x, t_x, T, most significant byte first. */
#define CELL_KEY(n_covariate) (24 + 8 * (size_t)(n_covariate))

enum { CUSTOMERS_UNASKED = 4096 }; /* whether to stop */

/* A customer on the way to its place; the covariates follow. */
typedef struct customer_row {
  clv_history history;
  uint32_t    segment;
  uint32_t    unused;
} customer_row;

struct clv_portfolio_draft {
  clv_portfolio_tally  tally;
  const clv_customers *customers; /* borrowed */
  clv_keyed_rows      *row;       /* owned; customer_row and covariates under the id, in global order */
  clv_keyed_rows      *cell;      /* owned; a count under the cell's key, in global order */
  size_t               n_covariate;
  clv_covariate        covariate[CLV_COVARIATE_MAX]; /* names borrowed from customers */
};

void clv_portfolio_draft_free(clv_portfolio_draft **self) {
  if (*self != NULL) {
    clv_keyed_rows_free(&(*self)->row);
    clv_keyed_rows_free(&(*self)->cell);
  }
  free(*self);
  *self = NULL;
}

const clv_portfolio_tally *clv_portfolio_draft_tally(const clv_portfolio_draft *self) { return &self->tally; }

/* Sorted purchases without repeated rows: the first of each by file and line stays. */
static clv_status duplicates_drop(const clv_portfolio_source *source, const clv_purchase *p,
                                  const clv_purchase_row *row, size_t *n, clv_purchase **kept) {
  clv_status st = CLV_OK;
  size_t     k  = 0;
  CLV_TRY(clv_realloc(*n + 1, sizeof **kept, (void **)kept));
  for (size_t i = 0; i < *n; i++) {
    if (i > 0 && p[i].time == p[i - 1].time && p[i].amount == p[i - 1].amount &&
        row[i].hash == row[i - 1].hash)
      CLV_TRY(clv_rejects_add(source->rejects, (uint32_t)row[i].file, row[i].line, CLV_REJECT_DUPLICATE));
    else
      (*kept)[k++] = p[i];
  }
  *n = k;
out:
  return st;
}

/* One buffer for all customers. */
typedef struct work {
  clv_purchase *kept;    /* owned */
  clv_history  *history; /* owned, [customers]: made first, joined later */
  bool         *is_in;   /* owned, [customers] */
} work;

static clv_status history_of(clv_portfolio_draft *self, const clv_portfolio_source *source, size_t i,
                             work *w) {
  clv_status              st = CLV_OK;
  const clv_purchase_row *row;
  size_t                  n, n_id;
  const clv_purchase     *p  = clv_ledger_purchases(*source->ledger, i, &n, &row);
  const char             *id = clv_ledger_id(*source->ledger, i, &n_id);
  if (row != NULL) {
    CLV_TRY(duplicates_drop(source, p, row, &n, &w->kept));
    p = w->kept;
  }
  switch (clv_history_make(source->rules, p, n, &w->history[i], &self->tally.history)) {
    case CLV_HISTORY_LATE:
      self->tally.late++;
      break;
    case CLV_HISTORY_CANCELLED:
      self->tally.cancelled++;
      break;
    case CLV_HISTORY_MADE:
      w->is_in[i] = clv_customers_join(source->customers, id, n_id);
      break;
  }
out:
  return st;
}

static clv_status histories_make(clv_portfolio_draft *self, const clv_portfolio_source *source, work *w) {
  clv_status st = CLV_OK;
  size_t     n;
  CLV_TRY(clv_ledger_close(*source->ledger));
  n = clv_ledger_n(*source->ledger);
  CLV_TRY(clv_alloc(n + 1, sizeof *w->history, (void **)&w->history));
  CLV_TRY(clv_calloc(n + 1, sizeof *w->is_in, (void **)&w->is_in));
  self->tally.seen = (int64_t)n;
  for (size_t i = 0; i < n; i++) {
    if (i % CUSTOMERS_UNASKED == 0 && source->stop != NULL) CLV_TRY(source->stop());
    CLV_TRY(history_of(self, source, i, w));
  }
out:
  return st;
}

static void customer_count(clv_portfolio_tally *t, const clv_portfolio_source *source, const clv_history *h) {
  const bool is_few   = (int64_t)h->x + 1 < source->config->data.min_transactions;
  const bool is_spend = source->rules->has_spend && h->x > 0;
  t->customers++;
  t->repeaters += h->x > 0;
  t->returners += h->holdout_x > 0;
  t->few += is_few;
  t->spenders += is_spend && !is_few && h->spend > 0.0;
  t->not_positive += is_spend && !(h->spend > 0.0);
}

static clv_status rows_fill(clv_portfolio_draft *self, const clv_portfolio_source *source, const work *w,
                            clv_exact_sum *sum) {
  clv_status   st      = CLV_OK;
  const size_t bytes   = sizeof(customer_row) + clv_customers_n_covariate(source->customers) * sizeof(double);
  char        *payload = NULL;
  CLV_TRY(clv_calloc(1, bytes, (void **)&payload));
  CLV_TRY(clv_keyed_rows_new(bytes, &self->row));
  for (size_t i = 0; i < clv_ledger_n(*source->ledger); i++) {
    size_t      n_id;
    const char *id = clv_ledger_id(*source->ledger, i, &n_id);
    /* one for each id of the ledger */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    customer_row one = {.history = w->history[i]};
    if (!w->is_in[i]) continue;
    clv_customers_values(source->customers, id, n_id, &one.segment, (double *)(void *)(payload + sizeof one));
    memcpy(payload, &one, sizeof one);
    customer_count(&self->tally, source, &one.history);
    clv_exact_sum_add_at(sum, 0, one.history.amount);
    clv_exact_sum_add_at(sum, 1, one.history.holdout_spend);
    CLV_TRY(clv_keyed_rows_add(self->row, id, n_id, payload));
  }
out:
  free(payload);
  return st;
}

static void big_endian(unsigned char *to, uint64_t value, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = (unsigned char)(value >> (8 * (n - 1 - i)));
}

static const double *covariates_of(const customer_row *c) { return (const double *)(const void *)(c + 1); }

/* Bits of a double that sort as it does: those of negative numbers turned over. */
static uint64_t double_to_key(double value) {
  uint64_t     bits;
  const double v = value + 0.0; /* one zero */
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

static double double_from_key(uint64_t key) {
  const uint64_t bits = key >> 63 != 0 ? key & ~(UINT64_C(1) << 63) : ~key;
  double         v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static void cell_key(unsigned char *key, const customer_row *c, size_t n_covariate) {
  big_endian(key, c->segment, 4);
  for (size_t i = 0; i < n_covariate; i++) big_endian(key + 4 + 8 * i, double_to_key(covariates_of(c)[i]), 8);
  key += 8 * n_covariate;
  big_endian(key + 4, c->history.x, 4);
  big_endian(key + 8, double_to_key(c->history.t_x), 8);
  big_endian(key + 16, double_to_key(c->history.T), 8);
}

/* Sorted rows of (key, count): equal keys become one. */
static clv_status cells_merge(const clv_keyed_rows *from, size_t n_key, clv_keyed_rows *to) {
  clv_status   st = CLV_OK;
  const size_t n  = clv_keyed_rows_n(from);
  for (size_t i = 0; i < n;) {
    size_t      length, other;
    const char *key   = clv_keyed_rows_key(from, i, &length);
    uint64_t    count = 0;
    for (; i < n && memcmp(clv_keyed_rows_key(from, i, &other), key, n_key) == 0; i++)
      count += *(const uint64_t *)clv_keyed_rows_payload(from, i);
    CLV_TRY(clv_keyed_rows_add(to, key, n_key, &count));
  }
out:
  return st;
}

static clv_status cells_local(const clv_portfolio_draft *self, clv_keyed_rows **out) {
  clv_status      st  = CLV_OK;
  clv_keyed_rows *all = NULL, *merged = NULL;
  const uint64_t  one = 1;
  CLV_TRY(clv_keyed_rows_new(sizeof one, &all));
  CLV_TRY(clv_keyed_rows_new(sizeof one, &merged));
  for (size_t i = 0; i < clv_keyed_rows_n(self->row); i++) {
    unsigned char key[CELL_KEY(CLV_COVARIATE_MAX)];
    cell_key(key, clv_keyed_rows_payload(self->row, i), self->n_covariate);
    CLV_TRY(clv_keyed_rows_add(all, key, CELL_KEY(self->n_covariate), &one));
  }
  CLV_TRY(clv_keyed_rows_sort(all));
  CLV_TRY(cells_merge(all, CELL_KEY(self->n_covariate), merged));
  *out = merged, merged = NULL;
out:
  clv_keyed_rows_free(&all);
  clv_keyed_rows_free(&merged);
  return st;
}

/* The distinct histories, each once, in global order. Collective. */
static clv_status cells_make(clv_portfolio_draft *self, const clv_comm *comm) {
  clv_status      st   = CLV_OK;
  clv_keyed_rows *mine = NULL;
  st                   = cells_local(self, &mine);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_keyed_rows_order(mine, comm, st));
  st = clv_keyed_rows_new(sizeof(uint64_t), &self->cell);
  if (st == CLV_OK) st = cells_merge(mine, CELL_KEY(self->n_covariate), self->cell);
  CLV_TRY(clv_comm_agree(comm, st));
  self->tally.cells = (int64_t)clv_keyed_rows_n(self->cell);
out:
  clv_keyed_rows_free(&mine);
  return st;
}

static clv_status tally_share(clv_portfolio_draft *self, const clv_comm *comm, clv_exact_sum *sum) {
  clv_portfolio_tally *t     = &self->tally;
  clv_history_tally   *h     = &t->history;
  int64_t             *all[] = {
                  &t->seen,          &t->late,          &t->cancelled,  &t->customers,    &t->repeaters,
                  &t->returners,     &t->few,           &t->spenders,   &t->not_positive, &t->cells,
                  &h->rows_observed, &h->rows_holdout,  &h->rows_after, &h->purchases,    &h->holdout_purchases,
                  &h->cancelled,     &h->cancelled_rows};
  enum { N = sizeof all / sizeof all[0] };
  int64_t    value[N];
  double     total[2];
  clv_status st;
  for (size_t i = 0; i < N; i++) value[i] = *all[i];
  clv_comm_sum_i64(comm, value, N);
  for (size_t i = 0; i < N; i++) *all[i] = value[i];
  st                = clv_exact_sum_total(sum, comm, total);
  t->amount         = total[0];
  t->holdout_amount = total[1];
  return st;
}

static const double *design_row(const void *context, size_t i) {
  return covariates_of(clv_keyed_rows_payload(((const clv_portfolio_draft *)context)->row, i));
}

/* Collective. */
static clv_status covariates_measure(clv_portfolio_draft *self, const clv_comm *comm) {
  bool             is_indicator[CLV_COVARIATE_MAX];
  const clv_design design = {
      .context = self, .row = design_row, .n = clv_keyed_rows_n(self->row), .n_covariate = self->n_covariate};
  for (size_t i = 0; i < self->n_covariate; i++)
    self->covariate[i] = clv_customers_covariate(self->customers, i, &is_indicator[i]);
  return clv_design_measure(comm, &design, is_indicator, self->covariate);
}

clv_status clv_portfolio_draft_new(const clv_comm *comm, const clv_portfolio_source *source,
                                   clv_portfolio_draft **out) {
  clv_status           st;
  clv_portfolio_draft *self = NULL;
  clv_exact_sum       *sum  = NULL;
  work                 w    = {0};
  st                        = clv_calloc(1, sizeof *self, (void **)&self);
  if (st == CLV_OK) st = clv_exact_sum_new(2, &sum);
  if (st == CLV_OK) st = histories_make(self, source, &w);
  CLV_TRY(clv_customers_settle(source->customers, comm, st));
  /* settled: every rank has made what it needs */
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
  self->customers   = source->customers;
  self->n_covariate = clv_customers_n_covariate(source->customers);
  st                = rows_fill(self, source, &w, sum);
  if (st == CLV_OK && source->stop != NULL) st = source->stop();
  clv_ledger_free(source->ledger);
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_keyed_rows_order(self->row, comm, st));
  CLV_TRY(covariates_measure(self, comm));
  CLV_TRY(cells_make(self, comm));
  CLV_TRY(tally_share(self, comm, sum));
  *out = self, self = NULL;
out:
  clv_portfolio_draft_free(&self);
  clv_exact_sum_free(&sum);
  free(w.kept);
  free(w.history);
  free(w.is_in);
  return st;
}

static clv_status customer_columns_new(clv_customer_columns *c, size_t n, size_t n_covariate) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(n + 1, sizeof *c->x, (void **)&c->x));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->t_x, (void **)&c->t_x));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->T, (void **)&c->T));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->spend, (void **)&c->spend));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->n_spend, (void **)&c->n_spend));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->positive_spend, (void **)&c->positive_spend));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->log_spend, (void **)&c->log_spend));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->log_spend_ss, (void **)&c->log_spend_ss));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->litt, (void **)&c->litt));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->segment, (void **)&c->segment));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->holdout_x, (void **)&c->holdout_x));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->holdout_spend, (void **)&c->holdout_spend));
  CLV_TRY(clv_alloc((n + 1) * (n_covariate + 1), sizeof *c->covariate, (void **)&c->covariate));
out:
  return st;
}

static void customer_set(clv_customer_columns *c, size_t i, const customer_row *row, size_t n_covariate) {
  c->x[i]              = row->history.x;
  c->t_x[i]            = row->history.t_x;
  c->T[i]              = row->history.T;
  c->spend[i]          = row->history.spend;
  c->n_spend[i]        = row->history.n_spend;
  c->positive_spend[i] = row->history.positive_spend;
  c->log_spend[i]      = row->history.log_spend;
  c->log_spend_ss[i]   = row->history.log_spend_ss;
  c->litt[i]           = row->history.litt;
  c->segment[i]        = row->segment;
  c->holdout_x[i]      = row->history.holdout_x;
  c->holdout_spend[i]  = row->history.holdout_spend;
  for (size_t k = 0; k < n_covariate; k++) c->covariate[i * n_covariate + k] = covariates_of(row)[k];
}

/* The rows as columns, with their ids back to back. */
static clv_status customers_columns(const clv_portfolio_draft *self, clv_customer_columns *c, char **ids,
                                    uint64_t **offset) {
  clv_status   st          = CLV_OK;
  const size_t n           = clv_keyed_rows_n(self->row);
  const size_t n_covariate = clv_customers_n_covariate(self->customers);
  size_t       bytes       = 0, n_id;
  CLV_TRY(customer_columns_new(c, n, n_covariate));
  CLV_TRY(clv_alloc(n + 1, sizeof **offset, (void **)offset));
  for (size_t i = 0; i < n; i++) {
    clv_keyed_rows_key(self->row, i, &n_id);
    (*offset)[i] = bytes;
    bytes += n_id;
  }
  (*offset)[n] = bytes;
  CLV_TRY(clv_alloc(bytes + 1, 1, (void **)ids));
  for (size_t i = 0; i < n; i++) {
    const char *id = clv_keyed_rows_key(self->row, i, &n_id);
    memcpy(*ids + (*offset)[i], id, n_id);
    customer_set(c, i, clv_keyed_rows_payload(self->row, i), n_covariate);
  }
out:
  return st;
}

static uint64_t from_big_endian(const char *from, size_t n) {
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) v = v << 8 | (unsigned char)from[i];
  return v;
}

static clv_status cells_columns(const clv_portfolio_draft *self, clv_cell_columns *c) {
  clv_status   st = CLV_OK;
  const size_t n = clv_keyed_rows_n(self->cell), k = self->n_covariate;
  CLV_TRY(clv_alloc(n + 1, sizeof *c->segment, (void **)&c->segment));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->x, (void **)&c->x));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->count, (void **)&c->count));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->t_x, (void **)&c->t_x));
  CLV_TRY(clv_alloc(n + 1, sizeof *c->T, (void **)&c->T));
  CLV_TRY(clv_alloc((n + 1) * (k + 1), sizeof *c->covariate, (void **)&c->covariate));
  for (size_t i = 0; i < n; i++) {
    size_t      length;
    const char *key = clv_keyed_rows_key(self->cell, i, &length);
    c->segment[i]   = (uint32_t)from_big_endian(key, 4);
    for (size_t j = 0; j < k; j++)
      c->covariate[i * k + j] = double_from_key(from_big_endian(key + 4 + 8 * j, 8));
    key += 8 * k;
    c->x[i]     = (uint32_t)from_big_endian(key + 4, 4);
    c->t_x[i]   = double_from_key(from_big_endian(key + 8, 8));
    c->T[i]     = double_from_key(from_big_endian(key + 16, 8));
    c->count[i] = (uint32_t) * (const uint64_t *)clv_keyed_rows_payload(self->cell, i);
  }
out:
  return st;
}

clv_status clv_portfolio_draft_write(const clv_portfolio_draft *self, const clv_comm *comm, const char *path,
                                     clv_portfolio_facts *facts) {
  clv_status            st;
  clv_portfolio_writer *writer = NULL;
  clv_customer_columns  c      = {.n = clv_keyed_rows_n(self->row)};
  clv_cell_columns      cell   = {.n = clv_keyed_rows_n(self->cell)};
  char                 *ids    = NULL;
  uint64_t             *offset = NULL;
  int64_t               bytes  = 0;
  facts->n_customer            = (uint64_t)self->tally.customers;
  facts->n_cell                = (uint64_t)self->tally.cells;
  facts->n_segment             = clv_customers_n_segment(self->customers);
  facts->n_covariate           = clv_customers_n_covariate(self->customers);
  c.first                      = (uint64_t)clv_comm_scan_before(comm, (int64_t)c.n);
  cell.first                   = (uint64_t)clv_comm_scan_before(comm, (int64_t)cell.n);
  st                           = customers_columns(self, &c, &ids, &offset);
  if (st == CLV_OK) st = cells_columns(self, &cell);
  CLV_TRY(clv_comm_agree(comm, st));
  bytes = (int64_t)offset[c.n];
  clv_comm_sum_i64(comm, &bytes, 1);
  CLV_TRY(clv_portfolio_create(comm, path, facts, clv_customers_segments(self->customers), self->covariate,
                               (uint64_t)bytes, &writer));
  st = clv_portfolio_put_customers(writer, &c, ids, offset);
  if (st == CLV_OK) st = clv_portfolio_put_cells(writer, &cell);
  CLV_TRY(clv_portfolio_commit(&writer, st));
out:
  clv_customer_columns_free(&c);
  clv_cell_columns_free(&cell);
  free(ids);
  free(offset);
  return st;
}
