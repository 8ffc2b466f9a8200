#include "engine/models/bg_nbd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/exact_sum.h"
#include "engine/models/bg_nbd_kernel.h"
#include "engine/models/counts.h"
#include "engine/models/hierarchy.h"
#include "engine/numerics/pinned.h"

enum { R, ALPHA, A, B, N_PARAMETER, LANES = CLV_BG_NBD_LANES, TERMS = CLV_BG_NBD_TERMS };

static const char *const PARAMETER[N_PARAMETER]  = {"r", "alpha", "a", "b"};
static const char *const COORDINATE[N_PARAMETER] = {"log r", "log(r / alpha)", "logit(a / (a + b))",
                                                    "log(a + b)"};

/* u = log r, log(r/alpha), logit(a/(a+b)), log(a+b). */
static void coordinates_natural(const double *u, double *theta, double *jacobian) {
  const double log_m = clv_log_sigmoid(u[2]), log_rest = clv_log_sigmoid(-u[2]);
  theta[R]     = clv_exp(u[0]);
  theta[ALPHA] = clv_exp(u[0] - u[1]);
  theta[A]     = clv_exp(log_m + u[3]);
  theta[B]     = clv_exp(log_rest + u[3]);
  if (jacobian == NULL) return;
  const double m                           = clv_sigmoid(u[2]);
  const double d[N_PARAMETER][N_PARAMETER] = {{1, 0, 0, 0}, {1, -1, 0, 0}, {0, 0, 1 - m, 1}, {0, 0, -m, 1}};
  memcpy(jacobian, d, sizeof d);
}

/* The determinant is 1 for every choice of slots but one: log a beside the coordinate log(a+b). */
static double coordinates_log_determinant(unsigned named, const double *u, double *gradient) {
  memset(gradient, 0, N_PARAMETER * sizeof *gradient);
  if ((named >> A & 1u) == 0 || (named >> B & 1u) != 0) return 0.0;
  gradient[2] = -clv_sigmoid(u[2]);
  return clv_log_sigmoid(-u[2]);
}

static bool coordinates_from_slots(unsigned named, const double *slot, double *u) {
  const bool has_a = (named >> A & 1u) != 0, has_b = (named >> B & 1u) != 0;
  u[0] = slot[R];
  u[1] = (named >> ALPHA & 1u) != 0 ? u[0] - slot[ALPHA] : slot[ALPHA];
  u[2] = slot[A];
  u[3] = slot[B];
  if (has_a && has_b) {
    u[2] = slot[A] - slot[B];
    u[3] = clv_log_sum_exp(slot[A], slot[B]);
  } else if (has_a) { /* a < a + b */
    if (!(slot[A] < slot[B])) return false;
    u[2] = slot[A] - slot[B] - clv_log1p(-clv_exp(slot[A] - slot[B]));
  } else if (has_b) {
    u[3] = slot[B] - clv_log_sigmoid(-u[2]);
  }
  return true;
}

static const clv_coordinates COORDINATES = {
    .n               = N_PARAMETER,
    .parameter       = PARAMETER,
    .coordinate      = COORDINATE,
    .natural         = coordinates_natural,
    .log_determinant = coordinates_log_determinant,
    .from_slots      = coordinates_from_slots,
};

/* Rows of one segment inside one block: offsets into the columns, those with x = 0 first. */
typedef struct segment_rows {
  size_t segment;
  size_t first_once, n_once, first_buyer, n_buyer;
  size_t first_recency, n_recency; /* distinct recencies of the buyers */
} segment_rows;

typedef struct bg_nbd {
  size_t        n_segment;
  size_t        n_block;
  size_t       *block_run; /* owned [n_block + 1]: runs of block b are [block_run[b], block_run[b + 1]) */
  segment_rows *run;       /* owned */
  double       *slab;      /* owned: the four columns */
  double       *x, *t_x, *T, *count;
  double       *recency_slab; /* owned: the three columns */
  double       *recency, *recency_count, *recency_x;
  clv_counts   *counts; /* owned, of all ranks */
  clv_isa       isa;
  bool          alike; /* every customer has a row of his own */
} bg_nbd;

static size_t likelihood_n_block(const void *self) { return ((const bg_nbd *)self)->n_block; }

static clv_bg_nbd_rows rows_at(const bg_nbd *l, size_t first, size_t n) {
  return (clv_bg_nbd_rows){n, l->x + first, l->t_x + first, l->T + first, l->count + first, l->alike};
}

/* One run under one chain's parameters: terms as likelihood_finish takes them. */
static void run_sum(const bg_nbd *l, const segment_rows *run, const double *theta, double *total) {
  const clv_bg_nbd_rows onces             = rows_at(l, run->first_once, run->n_once),
                        buyers            = rows_at(l, run->first_buyer, run->n_buyer);
  const clv_bg_nbd_recencies recencies    = {run->n_recency, l->recency + run->first_recency,
                                             l->recency_count + run->first_recency,
                                             l->recency_x + run->first_recency};
  double                     buyer[TERMS] = {0.0}, once[2] = {0.0, 0.0}, recent[3] = {0.0, 0.0, 0.0};
  CLV_KERNEL_PICK(clv_bg_nbd_buyers, l->isa)(&buyers, theta, buyer);
  CLV_KERNEL_PICK(clv_bg_nbd_recent, l->isa)(&recencies, theta, recent);
  CLV_KERNEL_PICK(clv_bg_nbd_onces, l->isa)(&onces, theta, once);
  total[0] += buyer[0] - recent[0] - theta[R] * once[0];
  total[1] += buyer[1] + recent[1] + once[0];
  total[2] += recent[2] - buyer[2] + theta[R] * once[1];
  total[3] += buyer[3];
  total[4] += buyer[4];
}

static void likelihood_block(const void *self, size_t block, size_t n_chain, const double *theta,
                             double *sum) {
  const bg_nbd *l = self;
  for (size_t k = l->block_run[block]; k < l->block_run[block + 1]; k++)
    for (size_t c = 0; c < n_chain; c++) {
      const size_t at = c * l->n_segment + l->run[k].segment;
      run_sum(l, &l->run[k], theta + at * N_PARAMETER, sum + at * TERMS);
    }
}

/* Fader, Hardie & Lee 2005, eq. 6, its sums over customers put together; docs/model_architecture.md shows the
 * steps. */
static double likelihood_finish(const void *self, size_t segment, const double *theta, const double *sum,
                                double *gradient) {
  const bg_nbd *l         = self;
  const double  customers = clv_counts_total(l->counts, segment), log_alpha = clv_log(theta[ALPHA]);
  double        by_r, by_b, by_ab;
  const double  rising_r  = clv_counts_rising(l->counts, segment, 0, theta[R], &by_r);
  const double  rising_b  = clv_counts_rising(l->counts, segment, 1, theta[B], &by_b);
  const double  rising_ab = clv_counts_rising(l->counts, segment, 0, theta[A] + theta[B], &by_ab);
  gradient[R]             = customers * log_alpha + by_r - sum[1];
  gradient[ALPHA]         = customers * theta[R] / theta[ALPHA] - sum[2];
  gradient[A]             = sum[3] - by_ab;
  gradient[B]             = by_b - by_ab + sum[4];
  return customers * theta[R] * log_alpha + rising_r + rising_b - rising_ab + sum[0];
}

static void likelihood_free(void *self) {
  bg_nbd *l = self;
  if (l == NULL) return;
  free(l->block_run);
  free(l->run);
  free(l->slab);
  free(l->recency_slab);
  clv_counts_free(&l->counts);
  free(l);
}

static const clv_likelihood_ops LIKELIHOOD = {
    .n_parameter = N_PARAMETER,
    .n_term      = TERMS,
    .n_block     = likelihood_n_block,
    .block       = likelihood_block,
    .finish      = likelihood_finish,
    .free        = likelihood_free,
};

/* Order of rows inside a block: segment, then x = 0 before x > 0; otherwise as they came. */
static bool row_before(const clv_cells *cells, size_t i, size_t j) {
  const uint32_t gi = cells->segment == NULL ? 0 : cells->segment[i],
                 gj = cells->segment == NULL ? 0 : cells->segment[j];
  return gi != gj ? gi < gj : (cells->x[i] > 0) < (cells->x[j] > 0);
}

/* Stable merge sort of a block's indices; the portfolio is sorted already, so this seldom moves anything. */
static void indices_sort(const clv_cells *cells, uint32_t *index, uint32_t *spare, size_t n) {
  if (n < 2) return;
  const size_t half = n / 2;
  indices_sort(cells, index, spare, half);
  indices_sort(cells, index + half, spare, n - half);
  if (!row_before(cells, index[half], index[half - 1])) return;
  memcpy(spare, index, half * sizeof *spare);
  size_t i = 0, j = half, k = 0;
  while (i < half) index[k++] = j < n && row_before(cells, index[j], spare[i]) ? index[j++] : spare[i++];
}

static size_t up_to_lanes(size_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Copies rows [from, to) of the sorted block into the columns, filled up with rows that count nothing. */
static size_t rows_copy(bg_nbd *l, const clv_cells *cells, const uint32_t *index, size_t n, size_t *used) {
  const size_t padded = up_to_lanes(n);
  for (size_t k = 0; k < padded; k++) {
    const size_t at = *used + k, i = index[k < n ? k : 0];
    l->x[at]     = (double)cells->x[i];
    l->t_x[at]   = cells->t_x[i];
    l->T[at]     = cells->T[i];
    l->count[at] = k >= n ? 0.0 : cells->count == NULL ? 1.0 : (double)cells->count[i];
  }
  *used += padded;
  return padded;
}

/* How many customers of a run were last seen at t_x, and what they bought: what depends on recency alone is
 * summed over these. */
typedef struct recency {
  double t_x, count, count_x;
} recency;

static int recency_compare(const void *a, const void *b) {
  const double x = ((const recency *)a)->t_x, y = ((const recency *)b)->t_x;
  return x < y ? -1 : x > y;
}

/* Distinct recencies of the buyers just copied; sums of whole numbers, so their order does not matter.
 * @return how many, filled up to lanes */
static size_t recencies_copy(bg_nbd *l, const segment_rows *run, recency *spare, size_t *used) {
  size_t last = 0;
  for (size_t k = 0; k < run->n_buyer; k++) {
    const size_t at = run->first_buyer + k;
    spare[k]        = (recency){l->t_x[at], l->count[at], l->count[at] * l->x[at]};
  }
  qsort(spare, run->n_buyer, sizeof *spare, recency_compare);
  for (size_t k = 1; k < run->n_buyer; k++) {
    if (spare[k].t_x != spare[last].t_x) {
      spare[++last] = spare[k];
      continue;
    }
    spare[last].count += spare[k].count;
    spare[last].count_x += spare[k].count_x;
  }
  const size_t n = run->n_buyer > 0 ? last + 1 : 0, padded = up_to_lanes(n);
  for (size_t k = 0; k < padded; k++) {
    const recency from          = k < n ? spare[k] : (recency){spare[0].t_x, 0.0, 0.0};
    l->recency[*used + k]       = from.t_x;
    l->recency_count[*used + k] = from.count;
    l->recency_x[*used + k]     = from.count_x;
  }
  *used += padded;
  return padded;
}

static size_t group_length(const clv_cells *cells, const uint32_t *index, size_t first, size_t n) {
  size_t end = first + 1;
  while (end < n && !row_before(cells, index[first], index[end])) end++;
  return end - first;
}

/* How much of the columns is filled, and room to sort a block's recencies in. */
typedef struct layer {
  size_t   rows, recencies;
  recency *spare; /* owned [CLV_BLOCK_SIZE + LANES] */
} layer;

static void block_lay(bg_nbd *l, const clv_cells *cells, const uint32_t *index, size_t n, layer *to) {
  size_t *n_run = &l->block_run[l->n_block + 1];
  *n_run        = l->block_run[l->n_block];
  for (size_t first = 0; first < n;) {
    const size_t length  = group_length(cells, index, first, n);
    const size_t segment = cells->segment == NULL ? 0 : cells->segment[index[first]];
    const bool   buyers  = cells->x[index[first]] > 0;
    if (*n_run == l->block_run[l->n_block] || l->run[*n_run - 1].segment != segment)
      l->run[(*n_run)++] = (segment_rows){.segment = segment};
    segment_rows *now = &l->run[*n_run - 1];
    if (buyers) {
      now->first_buyer   = to->rows;
      now->n_buyer       = rows_copy(l, cells, index + first, length, &to->rows);
      now->first_recency = to->recencies;
      now->n_recency     = recencies_copy(l, now, to->spare, &to->recencies);
    } else {
      now->first_once = to->rows;
      now->n_once     = rows_copy(l, cells, index + first, length, &to->rows);
    }
    first += length;
  }
  l->n_block++;
}

/* Most runs and padded rows this rank can need: each segment adds two groups to the blocks it touches. */
static clv_status likelihood_lay(bg_nbd *l, const clv_cells *cells) {
  const size_t n           = (size_t)(cells->blocks.last - cells->blocks.first);
  const size_t n_block     = (size_t)(cells->blocks.last_block - cells->blocks.first_block);
  const size_t groups_most = n_block * 2 * (l->n_segment < CLV_BLOCK_SIZE ? l->n_segment : CLV_BLOCK_SIZE);
  const size_t groups      = groups_most < n + n_block ? groups_most : n + n_block,
               room        = n + groups * (LANES - 1);
  uint32_t  *index         = NULL;
  layer      now           = {0};
  clv_status st            = CLV_OK;
  CLV_TRY(clv_calloc(n_block + 1, sizeof *l->block_run, (void **)&l->block_run));
  CLV_TRY(clv_calloc(groups + 1, sizeof *l->run, (void **)&l->run));
  CLV_TRY(clv_alloc(4 * room + 1, sizeof *l->slab, (void **)&l->slab));
  CLV_TRY(clv_alloc(3 * room + 1, sizeof *l->recency_slab, (void **)&l->recency_slab));
  CLV_TRY(clv_alloc(CLV_BLOCK_SIZE + LANES, sizeof *now.spare, (void **)&now.spare));
  CLV_TRY(clv_alloc(2 * (size_t)CLV_BLOCK_SIZE, sizeof *index, (void **)&index));
  l->recency = l->recency_slab, l->recency_count = l->recency + room, l->recency_x = l->recency_count + room;
  l->x = l->slab, l->t_x = l->x + room, l->T = l->t_x + room, l->count = l->T + room;
  for (size_t first = 0; first < n; first += CLV_BLOCK_SIZE) {
    const size_t length = n - first < CLV_BLOCK_SIZE ? n - first : CLV_BLOCK_SIZE;
    for (size_t k = 0; k < length; k++) index[k] = (uint32_t)(first + k);
    indices_sort(cells, index, index + CLV_BLOCK_SIZE, length);
    block_lay(l, cells, index, length, &now);
  }
out:
  free(index);
  free(now.spare);
  return st;
}

/* Mean T over all customers: what the prior of the purchase rate is relative to. */
static clv_status mean_age(const clv_comm *comm, const clv_cells *cells, double *mean) {
  clv_exact_sum *sum = NULL;
  double         total[2];
  clv_status     st = clv_comm_agree(comm, clv_exact_sum_new(2, &sum));
  if (st < 0) goto out;
  for (size_t i = 0; i < (size_t)(cells->blocks.last - cells->blocks.first); i++) {
    const double count = cells->count == NULL ? 1.0 : (double)cells->count[i];
    clv_exact_sum_add(sum, (double[]){count, count * cells->T[i]});
  }
  CLV_TRY(clv_exact_sum_total(sum, comm, total));
  *mean = total[0] > 0.0 && total[1] > 0.0 ? total[1] / total[0] : 1.0;
out:
  clv_exact_sum_free(&sum);
  return st;
}

static clv_status likelihood_new(const clv_comm *comm, const clv_cells *cells, clv_likelihood *out) {
  bg_nbd      *l  = NULL;
  clv_status   st = clv_calloc(1, sizeof *l, (void **)&l);
  const size_t n  = (size_t)(cells->blocks.last - cells->blocks.first);
  if (st == CLV_OK) {
    l->n_segment = cells->n_segment;
    l->alike     = cells->count == NULL;
    l->isa       = clv_isa_best();
    st           = likelihood_lay(l, cells);
  }
  CLV_TRY(clv_comm_agree(comm, st));
  CLV_TRY(clv_counts_new(comm, cells->n_segment, n, cells->segment, cells->x, cells->count, &l->counts));
  *out = (clv_likelihood){.ops = &LIKELIHOOD, .self = l, .n_segment = cells->n_segment};
  l    = NULL;
out:
  likelihood_free(l);
  return st;
}

clv_status clv_bg_nbd_new(const clv_comm *comm, const clv_cells *cells, const clv_prior_texts *priors,
                          clv_model *out) {
  clv_likelihood likelihood = {0};
  double         age        = 1.0;
  clv_status     st         = CLV_OK;
  CLV_TRY(likelihood_new(comm, cells, &likelihood));
  CLV_TRY(mean_age(comm, cells, &age));
  const clv_slot_default slot[N_PARAMETER] = {
      {{CLV_PRIOR_NORMAL, {-0.5, 1.25, 0}},
       "r from 0.05 to 7: purchase rates from wildly to hardly different between customers"},
      {{CLV_PRIOR_NORMAL, {-clv_log(age), 2.0, 0}},
       "0.02 to 50 purchases in the mean observed age, were nobody to leave"},
      {{CLV_PRIOR_NORMAL, {-1.0, 1.5, 0}}, "mean dropout probability from 2 % to 88 % a purchase"},
      {{CLV_PRIOR_NORMAL, {1.0, 1.25, 0}},
       "dropout probabilities from U-shaped to alike: a + b from 0.2 to 33"},
  };
  const clv_hierarchy_plan plan = {
      .name = "bg_nbd", .coordinates = &COORDINATES, .slot = slot, .priors = priors};
  CLV_TRY(clv_comm_agree(comm, clv_hierarchy_new(&likelihood, &plan, out)));
out:
  clv_likelihood_free(&likelihood);
  return st;
}
