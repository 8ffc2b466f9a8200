#include <math.h>
#include <stdlib.h>

#include "engine/models/shifted.h"
#include "engine/models/shifted_rows_kernel.h"

/* Customers a batch; blocks are whole batches but for the last. */
enum { BATCH = 64, MOST = CLV_PARAMETER_MAX };
_Static_assert(CLV_BLOCK_SIZE % BATCH == 0 && BATCH % CLV_ROW_LANES == 0, "batches do not cross blocks");

typedef struct rows {
  clv_shifts shifts;
  size_t     n_row, n_room, n_block, n_column, n_segment; /* n_room: filled up to whole batches */
  double (*gradient)(const double *theta, const clv_customer *who, double *by_theta);
  clv_batch_gradient *batch;
  clv_batch_kind      kind;
  unsigned            shapes;
  clv_isa             isa;
  double             *x, *t_x, *T, *spend, *count; /* [n_room] one slab, owned by x */
  double             *w;                           /* owned [n_column][n_room] */
  uint32_t           *segment;                     /* owned [n_room] */
} rows;

static void rows_free(void *self) {
  rows *s = self;
  if (s == NULL) return;
  free(s->x);
  free(s->w);
  free(s->segment);
  free(s);
}

static size_t rows_n_block(const void *self) { return ((const rows *)self)->n_block; }

/* A batch from row `first` on, each row under parameters of his own. */
typedef struct batch {
  size_t first, n; /* n of the rows are the block's, the others fill up */
  double theta[MOST * BATCH], value[BATCH], by[MOST * BATCH]; /* by: log theta */
} batch;

static bool effects_touch(const clv_shifts *shifts, size_t k) {
  bool touched = false;
  for (size_t e = 0; e < shifts->n_effect; e++)
    touched = touched || (shifts->effect[e].direction[k] != 0.0 && shifts->first[e + 1] > shifts->first[e]);
  return touched;
}

/* to += weight × column, of a batch. */
static void rows_add_scaled(const rows *s, double weight, const double *column, double *to) {
  CLV_KERNEL_PICK(clv_rows_add_scaled, s->isa)(BATCH, weight, column, to);
}

static const double *rows_column(const rows *s, size_t coefficient, size_t first) {
  return s->w + s->shifts.column[coefficient] * s->n_room + first;
}

static void batch_shift(const rows *s, const double *theta, const double *gamma, batch *b) {
  const clv_shifts *shifts                     = &s->shifts;
  const size_t      n                          = shifts->n_parameter;
  double            eta[CLV_EFFECT_MAX][BATCH] = {{0.0}};
  for (size_t e = 0; e < shifts->n_effect; e++)
    for (size_t c = shifts->first[e]; c < shifts->first[e + 1]; c++)
      rows_add_scaled(s, gamma[c], rows_column(s, c, b->first), eta[e]);
  for (size_t k = 0; k < n; k++) {
    double log_factor[BATCH] = {0.0}, *own = b->theta + k * BATCH;
    for (size_t i = 0; i < BATCH; i++) own[i] = theta[s->segment[b->first + i] * n + k];
    if (!effects_touch(shifts, k)) continue;
    for (size_t e = 0; e < shifts->n_effect; e++)
      rows_add_scaled(s, shifts->effect[e].direction[k], eta[e], log_factor);
    CLV_KERNEL_PICK(clv_rows_scale, s->isa)(BATCH, log_factor, own);
  }
}

static bool batch_is_tame(const rows *s, const batch *b) {
  bool tame = true;
  for (size_t i = 0; i < s->shifts.n_parameter * BATCH; i++)
    tame = tame && b->theta[i] >= CLV_BATCH_LEAST && b->theta[i] <= CLV_BATCH_MOST;
  return tame;
}

static bool batch_is_known(const rows *s, const batch *b) {
  bool known = true;
  for (size_t k = 0; k < s->shifts.n_parameter; k++)
    for (size_t i = 0; i < BATCH && (s->shapes >> k & 1u) != 0; i++)
      known = known && b->theta[k * BATCH + i] <= CLV_SHAPE_MOST_OF_ONE;
  return known;
}

static void batch_look_one_by_one(const rows *s, batch *b) {
  const size_t n = s->shifts.n_parameter;
  for (size_t i = 0; i < b->n; i++) {
    const size_t       at  = b->first + i;
    const clv_customer who = {
        .x = (uint32_t)s->x[at], .t_x = s->t_x[at], .T = s->T[at], .spend = s->spend[at]};
    double theta[MOST], by[MOST];
    for (size_t k = 0; k < n; k++) theta[k] = b->theta[k * BATCH + i];
    b->value[i] = s->gradient(theta, &who, by);
    for (size_t k = 0; k < n; k++) b->by[k * BATCH + i] = by[k] * theta[k];
  }
}

static void batch_look(const rows *s, batch *b) {
  const size_t    at  = b->first;
  const clv_batch who = {BATCH, s->x + at, s->t_x + at, s->T + at, s->spend + at, b->theta};
  if (s->batch != NULL && batch_is_tame(s, b))
    s->batch(&s->kind, s->isa, &who, b->value, b->by);
  else
    batch_look_one_by_one(s, b);
  if (!batch_is_known(s, b)) b->value[0] = NAN; /* and with it the whole sum */
}

/* Sums of a segment: the log-likelihood, and its gradient in log theta. Leaves in `by` what the rows that are
 * the block's have, count times. */
static void batch_add(const rows *s, batch *b, double *sum) {
  const size_t n = s->shifts.n_parameter;
  for (size_t i = 0; i < b->n; i++) {
    const double count = s->count[b->first + i];
    double      *to    = sum + s->segment[b->first + i] * (1 + n);
    to[0] += count * b->value[i];
    for (size_t k = 0; k < n; k++) {
      b->by[k * BATCH + i] *= count;
      to[1 + k] += b->by[k * BATCH + i];
    }
  }
  for (size_t k = 0; k < n; k++)
    for (size_t i = b->n; i < BATCH; i++) b->by[k * BATCH + i] = 0.0;
}

/* The chain rule, as clv_shifts_pull. */
static void batch_pull(const rows *s, const batch *b, double *tail) {
  const clv_shifts *shifts = &s->shifts;
  for (size_t e = 0; e < shifts->n_effect; e++) {
    double by_eta[BATCH] = {0.0};
    for (size_t k = 0; k < shifts->n_parameter; k++)
      if (shifts->effect[e].direction[k] != 0.0)
        rows_add_scaled(s, shifts->effect[e].direction[k], b->by + k * BATCH, by_eta);
    for (size_t c = shifts->first[e]; c < shifts->first[e + 1]; c++)
      tail[c] += CLV_KERNEL_PICK(clv_rows_dot, s->isa)(BATCH, by_eta, rows_column(s, c, b->first));
  }
}

static void rows_block(const void *self, size_t block, const double *theta, const double *gamma,
                       double *sum) {
  const rows  *s     = self;
  const size_t first = block * CLV_BLOCK_SIZE;
  const size_t last  = first + CLV_BLOCK_SIZE < s->n_row ? first + CLV_BLOCK_SIZE : s->n_row;
  batch        b;
  for (b.first = first; b.first < last; b.first += BATCH) {
    b.n = last - b.first < BATCH ? last - b.first : BATCH;
    batch_shift(s, theta, gamma, &b);
    batch_look(s, &b);
    batch_add(s, &b, sum);
    batch_pull(s, &b, sum + s->n_segment * (1 + s->shifts.n_parameter));
  }
}

static double rows_finish(const void *self, size_t segment, const double *theta, const double *gamma,
                          const double *sum, double *by_theta, double *by_gamma) {
  const rows *s = self;
  (void)segment, (void)gamma, (void)by_gamma;
  for (size_t k = 0; k < s->shifts.n_parameter; k++) by_theta[k] = sum[1 + k] / theta[k];
  return sum[0];
}

static const clv_shifted_ops ROWS = {
    .n_block = rows_n_block, .block = rows_block, .finish = rows_finish, .free = rows_free};

/* Rows that fill up are customers like others, without covariates. */
static void rows_fill(rows *s, const clv_shifted_plan *plan) {
  for (size_t i = 0; i < s->n_room; i++) {
    const bool is_row = i < s->n_row;
    s->x[i]           = is_row ? (double)plan->x[i] : 1.0;
    s->t_x[i]         = !is_row ? 1.0 : plan->t_x == NULL ? 0.0 : plan->t_x[i];
    s->T[i]           = !is_row ? 2.0 : plan->T == NULL ? 0.0 : plan->T[i];
    s->spend[i]       = !is_row ? 1.0 : plan->spend == NULL ? 0.0 : plan->spend[i];
    s->count[i]       = plan->count == NULL || !is_row ? 1.0 : (double)plan->count[i];
    s->segment[i]     = plan->segment == NULL || !is_row ? 0 : plan->segment[i];
    for (size_t c = 0; c < s->n_column; c++)
      s->w[c * s->n_room + i] = is_row ? plan->covariates->value[i * s->n_column + c] : 0.0;
  }
}

static clv_status rows_alloc(rows *s) {
  clv_status st = CLV_OK;
  CLV_TRY(clv_alloc(5 * s->n_room + 1, sizeof *s->x, (void **)&s->x));
  s->t_x   = s->x + s->n_room;
  s->T     = s->t_x + s->n_room;
  s->spend = s->T + s->n_room;
  s->count = s->spend + s->n_room;
  CLV_TRY(clv_alloc(s->n_room * s->n_column + 1, sizeof *s->w, (void **)&s->w));
  CLV_TRY(clv_alloc(s->n_room + 1, sizeof *s->segment, (void **)&s->segment));
out:
  return st;
}

clv_status clv_shifted_rows_new(const clv_shifted_plan *plan, clv_shifted *out) {
  rows      *s  = NULL;
  clv_status st = CLV_OK;
  for (size_t e = 0; e < plan->shifts->n_effect; e++) CLV_CHECK(!plan->shifts->effect[e].adds);
  CLV_TRY(clv_calloc(1, sizeof *s, (void **)&s));
  s->shifts    = *plan->shifts;
  s->gradient  = plan->gradient;
  s->batch     = plan->batch;
  s->kind      = plan->kind;
  s->shapes    = plan->shapes;
  s->isa       = clv_isa_best();
  s->n_row     = (size_t)(plan->blocks.last - plan->blocks.first);
  s->n_room    = (s->n_row + BATCH - 1) / BATCH * BATCH;
  s->n_block   = (size_t)(plan->blocks.last_block - plan->blocks.first_block);
  s->n_column  = plan->covariates->n;
  s->n_segment = plan->n_segment;
  CLV_TRY(rows_alloc(s));
  rows_fill(s, plan);
  *out = (clv_shifted){.ops       = &ROWS,
                       .self      = s,
                       .n_segment = plan->n_segment,
                       .n_term    = 1 + plan->shifts->n_parameter,
                       .n_tail    = plan->shifts->n_coefficient};
  s    = NULL;
out:
  rows_free(s);
  return st;
}
