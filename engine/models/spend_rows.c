#include "engine/models/spend_rows.h"

#include <math.h>
#include <stdlib.h>

#include "engine/models/gamma_gamma_kernel.h"
#include "engine/numerics/panels.h"
#include "engine/numerics/pinned.h"

enum { STRIDE = CLV_GAMMA_GAMMA_STRIDE };

/* A stretch of so many customers keeps tables: below, a pass over them costs about what looking up does. */
enum { TABLE_LEAST = 256 };

/* Panels that a stretch remembers. A posterior that is wider than this many e-folds of v has few customers.
 */
enum { SLOTS = 8 };

/* Customers of one segment with one x, inside one block. */
typedef struct spend_run {
  size_t first, n, n_fill;
  double x;
} spend_run;

/* Runs of one segment inside one block. */
typedef struct spend_stretch {
  size_t segment, first_run, last_run;
  size_t table; /* its place among those with tables; meaningful where `tabled` */
  bool   tabled;
} spend_stretch;

typedef struct table {
  bool          filled;
  int64_t       panel;
  clv_panel_fit fit;
} table;

struct clv_spend_rows {
  size_t         n_block, n_stretch, n_run, n_table, n_w;
  size_t        *block_stretch; /* owned [n_block + 1] */
  spend_stretch *stretch;       /* owned */
  spend_run     *run;           /* owned */
  double        *w;             /* owned: x times mean spend / rescale_factor, zero where filled up */
  table         *table; /* owned [SLOTS][n_table]: slots apart, so that those nobody needs take no memory */
  clv_isa        isa;
};

size_t clv_spend_rows_n_block(const clv_spend_rows *self) { return self->n_block; }

void clv_spend_rows_block(const clv_spend_rows *self, size_t block, size_t *first, size_t *last) {
  *first = self->block_stretch[block], *last = self->block_stretch[block + 1];
}

size_t clv_spend_rows_segment(const clv_spend_rows *self, size_t stretch) {
  return self->stretch[stretch].segment;
}

/* By a pass over the customers. */
static clv_spend_sums sums_pass(const clv_spend_rows *self, const spend_stretch *at, double v) {
  clv_spend_sums total = {0};
  for (size_t k = at->first_run; k < at->last_run; k++) {
    const spend_run *run = &self->run[k];
    double           log_sum, inverse_sum;
    CLV_KERNEL_PICK(clv_gamma_gamma_sums, self->isa)
    (self->w + run->first, run->n, run->n_fill, v, &log_sum, &inverse_sum);
    total.x_log += run->x * log_sum;
    total.log += log_sum;
    total.x_inverse += run->x * inverse_sum;
    total.inverse += inverse_sum;
  }
  return total;
}

/* The inverses are kept times v: the derivatives by log v, which are bounded and as smooth as the logs. */
static void table_fill(const clv_spend_rows *self, const spend_stretch *at, int64_t panel, table *out) {
  double u[CLV_PANEL_NODES], value[CLV_PANEL_NODES][CLV_PANEL_FUNCTIONS];
  clv_panel_nodes(panel, u);
  for (size_t j = 0; j < CLV_PANEL_NODES; j++) {
    const double         v   = clv_exp(u[j]);
    const clv_spend_sums sum = sums_pass(self, at, v);
    value[j][0] = sum.x_log, value[j][1] = sum.log;
    value[j][2] = v * sum.x_inverse, value[j][3] = v * sum.inverse;
  }
  clv_panel_fit_values((const double(*)[CLV_PANEL_FUNCTIONS])value, &out->fit);
  out->panel = panel, out->filled = true;
}

static clv_spend_sums sums_look_up(const clv_spend_rows *self, const spend_stretch *at, double v) {
  clv_panel_place place;
  double          value[CLV_PANEL_FUNCTIONS];
  clv_panel_find(clv_log(v), &place);
  table *kept = &self->table[((uint64_t)place.panel % SLOTS) * self->n_table + at->table];
  if (!kept->filled || kept->panel != place.panel) table_fill(self, at, place.panel, kept);
  clv_panel_values(&kept->fit, &place, value);
  return (clv_spend_sums){
      .x_log = value[0], .log = value[1], .x_inverse = value[2] / v, .inverse = value[3] / v};
}

clv_spend_sums clv_spend_rows_sums(const clv_spend_rows *self, size_t stretch, double v) {
  /* beyond this products of four leave the range of doubles: a divergence */
  if (!(v > 0x1p-240 && v < 0x1p240)) return (clv_spend_sums){NAN, NAN, NAN, NAN};
  const spend_stretch *at = &self->stretch[stretch];
  return at->tabled ? sums_look_up(self, at, v) : sums_pass(self, at, v);
}

/* Sorting a block's customers by segment and x. */
typedef struct spend_key {
  uint64_t group; /* segment << 32 | x */
  uint64_t index; /* keeps the order of customers inside a group: the same bits whatever qsort does */
} spend_key;

static int key_compare(const void *a, const void *b) {
  const spend_key *k = a, *l = b;
  if (k->group != l->group) return k->group < l->group ? -1 : 1;
  return k->index < l->index ? -1 : k->index > l->index;
}

static size_t n_customer(const clv_spends *spends) {
  return (size_t)(spends->blocks.last - spends->blocks.first);
}

static size_t keys_sort(const clv_spends *spends, size_t first, spend_key *key) {
  const size_t left = n_customer(spends) - first, n = left < CLV_BLOCK_SIZE ? left : CLV_BLOCK_SIZE;
  for (size_t k = 0; k < n; k++) {
    const uint64_t segment = spends->segment == NULL ? 0 : spends->segment[first + k];
    key[k]                 = (spend_key){.group = segment << 32 | spends->x[first + k], .index = first + k};
  }
  qsort(key, n, sizeof *key, key_compare);
  return n;
}

static void runs_count(const clv_spends *spends, spend_key *key, clv_spend_rows *self) {
  for (size_t first = 0; first < n_customer(spends); first += CLV_BLOCK_SIZE) {
    const size_t n = keys_sort(spends, first, key);
    for (size_t k = 0; k < n; k++) {
      self->n_run += k == 0 || key[k].group != key[k - 1].group;
      self->n_stretch += k == 0 || key[k].group >> 32 != key[k - 1].group >> 32;
    }
  }
}

static void run_append(clv_spend_rows *self, const clv_spends *spends, const spend_key *key, size_t n) {
  const size_t padded      = (n + STRIDE - 1) / STRIDE * STRIDE;
  const double x           = (double)(uint32_t)key->group;
  self->run[self->n_run++] = (spend_run){.first = self->n_w, .n = padded, .n_fill = padded - n, .x = x};
  for (size_t k = 0; k < padded; k++)
    self->w[self->n_w + k] = k < n ? x * (spends->mean[key[k].index] / spends->rescale_factor) : 0.0;
  self->n_w += padded;
}

/* One segment's customers of a block. */
static void stretch_append(clv_spend_rows *self, const clv_spends *spends, const spend_key *key, size_t n) {
  spend_stretch *at = &self->stretch[self->n_stretch++];
  *at               = (spend_stretch){.segment   = (size_t)(key->group >> 32),
                                      .first_run = self->n_run,
                                      .table     = self->n_table,
                                      .tabled    = n >= TABLE_LEAST};
  for (size_t from = 0, to; from < n; from = to) {
    for (to = from + 1; to < n && key[to].group == key[from].group;) to++;
    run_append(self, spends, key + from, to - from);
  }
  at->last_run = self->n_run;
  self->n_table += at->tabled;
}

static void block_append(clv_spend_rows *self, const clv_spends *spends, const spend_key *key, size_t n) {
  for (size_t from = 0, to; from < n; from = to) {
    for (to = from + 1; to < n && key[to].group >> 32 == key[from].group >> 32;) to++;
    stretch_append(self, spends, key + from, to - from);
  }
  self->block_stretch[++self->n_block] = self->n_stretch;
}

static clv_status rows_lay(clv_spend_rows *self, const clv_spends *spends, spend_key *key) {
  const size_t n_block = (size_t)(spends->blocks.last_block - spends->blocks.first_block);
  clv_status   st      = CLV_OK;
  runs_count(spends, key, self);
  CLV_TRY(clv_calloc(n_block + 1, sizeof *self->block_stretch, (void **)&self->block_stretch));
  CLV_TRY(clv_calloc(self->n_stretch + 1, sizeof *self->stretch, (void **)&self->stretch));
  CLV_TRY(clv_calloc(self->n_run + 1, sizeof *self->run, (void **)&self->run));
  CLV_TRY(clv_alloc(n_customer(spends) + self->n_run * STRIDE + 1, sizeof *self->w, (void **)&self->w));
  self->n_run = self->n_stretch = 0;
  for (size_t first = 0; first < n_customer(spends); first += CLV_BLOCK_SIZE)
    block_append(self, spends, key, keys_sort(spends, first, key));
  CLV_TRY(clv_calloc(SLOTS * self->n_table + 1, sizeof *self->table, (void **)&self->table));
out:
  return st;
}

clv_status clv_spend_rows_new(const clv_spends *spends, clv_spend_rows **out) {
  clv_spend_rows *self = NULL;
  spend_key      *key  = NULL;
  clv_status      st   = CLV_OK;
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE, sizeof *key, (void **)&key));
  self->isa = clv_isa_best();
  CLV_TRY(rows_lay(self, spends, key));
  *out = self, self = NULL;
out:
  free(key);
  clv_spend_rows_free(&self);
  return st;
}

void clv_spend_rows_free(clv_spend_rows **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->block_stretch);
  free((*self)->stretch);
  free((*self)->run);
  free((*self)->w);
  free((*self)->table);
  free(*self);
  *self = NULL;
}
