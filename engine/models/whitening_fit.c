#include "engine/models/whitening_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/accumulator.h"
#include "engine/models/segments.h"
#include "engine/numerics/dense.h"

enum {
  MOST            = CLV_SEGMENT_PARAMETER_MAX,
  STEPS           = 6, /* lengths of a Newton step that are tried: 1, 1/2, … 1/32 */
  TOGETHER_ROUNDS = 12,
  SINGLE_ROUNDS   = 8
};
static const double STENCIL = 0.0625; /* of differences between gradients on the way */
static const double LONGEST = 1.0;    /* a step in any coordinate: a quadratic picture reaches no further */
/* Constants are rounded to this many parts of a standard deviation of the segment's likelihood (of 1, where
 * that is wider): a hundredth of it is nothing to the sampler, and far more than rounding errors. */
static const double PARTS = 256.0;

/* A quadratic picture of one segment's log-likelihood, or of all together. */
typedef struct picture {
  double value, score[MOST], information[MOST * MOST];
} picture;

typedef struct fitter {
  clv_segments     segments;
  clv_accumulator *sums;                /* owned */
  clv_dense       *dense;               /* owned */
  size_t           n, n_segment, width; /* width: coordinates of all segments */
  double          *at;                  /* owned [width]: where every segment is */
  double          *step;                /* owned [width]: stencil half-widths, then Newton steps */
  double          *point;               /* owned [2 n + 1 or STEPS][width] */
  double          *sum;                 /* owned, beside it */
  picture         *picture;             /* owned [n_segment] */
} fitter;

static void point_place(const void *self, const double *phi, size_t g, double *u) {
  const fitter *f = self;
  memcpy(u, phi + g * f->n, f->n * sizeof *u);
}

static void points_block(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  clv_segments_block(&((const fitter *)self)->segments, block, n_chain, phi, sum);
}

static void fitter_free(fitter *f) {
  clv_accumulator_free(&f->sums);
  clv_dense_free(&f->dense);
  free(f->at), free(f->step), free(f->point), free(f->sum), free(f->picture);
}

static size_t points_most(size_t n) { return 2 * n + 1 > STEPS ? 2 * n + 1 : STEPS; }

static clv_status fitter_make(const clv_comm *comm, fitter *f) {
  const size_t      most = points_most(f->n), n_sum = clv_segments_n_sum(&f->segments);
  clv_status        st   = CLV_OK;
  const clv_summand what = {.self    = f,
                            .n_block = clv_segments_n_block(&f->segments),
                            .n_sum   = n_sum,
                            .n_dim   = f->width,
                            .block   = points_block};
  CLV_TRY(clv_accumulator_new(comm, &what, most, &f->sums));
  CLV_TRY(clv_dense_new(f->n, &f->dense));
  CLV_TRY(clv_calloc(f->width, sizeof *f->at, (void **)&f->at));
  CLV_TRY(clv_calloc(f->width, sizeof *f->step, (void **)&f->step));
  CLV_TRY(clv_calloc(most * f->width, sizeof *f->point, (void **)&f->point));
  CLV_TRY(clv_calloc(most * n_sum + 1, sizeof *f->sum, (void **)&f->sum));
  CLV_TRY(clv_calloc(f->n_segment, sizeof *f->picture, (void **)&f->picture));
out:
  return st;
}

static double gradient_at(const fitter *f, size_t point, size_t g, double *gradient) {
  return clv_segments_finish(&f->segments, g, f->point + point * f->width + g * f->n,
                             f->sum + point * clv_segments_n_sum(&f->segments), gradient);
}

/* A segment whose likelihood is not finite at the stencil says nothing. */
static void picture_take(const fitter *f, size_t g, picture *out) {
  double up[MOST], down[MOST];
  bool   finite = true;
  out->value    = gradient_at(f, 0, g, out->score);
  for (size_t j = 0; j < f->n; j++) {
    (void)gradient_at(f, 1 + 2 * j, g, up);
    (void)gradient_at(f, 2 + 2 * j, g, down);
    for (size_t i = 0; i < f->n; i++) {
      out->information[i * f->n + j] = (down[i] - up[i]) / (2.0 * f->step[g * f->n + j]);
      finite = finite && isfinite(out->information[i * f->n + j]) && isfinite(out->score[i]);
    }
  }
  if (!finite) *out = (picture){.value = out->value};
  for (size_t i = 0; i < f->n; i++)
    for (size_t j = 0; j < i; j++)
      out->information[i * f->n + j] = out->information[j * f->n + i] =
          0.5 * (out->information[i * f->n + j] + out->information[j * f->n + i]);
}

/* Values, gradients and curvature of all segments, by central differences of gradients, in one pass. */
static clv_status pictures_take(fitter *f) {
  clv_status st = CLV_OK;
  for (size_t k = 0; k < 2 * f->n + 1; k++) {
    double *to = f->point + k * f->width;
    memcpy(to, f->at, f->width * sizeof *to);
    for (size_t g = 0; g < f->n_segment && k > 0; g++) {
      const size_t i = g * f->n + (k - 1) / 2;
      to[i] += k % 2 == 1 ? f->step[i] : -f->step[i];
    }
  }
  CLV_TRY(clv_accumulator_evaluate(f->sums, 2 * f->n + 1, f->point, f->sum));
  for (size_t g = 0; g < f->n_segment; g++) picture_take(f, g, &f->picture[g]);
out:
  return st;
}

/* Negative curvature is none: the nearest positive semidefinite matrix. */
static void information_project(const fitter *f, double *information) {
  const size_t n = f->n;
  double       value[MOST], vector[MOST * MOST];
  if (!clv_dense_eigen(f->dense, information, value, vector)) {
    memset(information, 0, n * n * sizeof *information);
    return;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0.0;
      for (size_t k = 0; k < n; k++) sum += fmax(value[k], 0.0) * vector[i * n + k] * vector[j * n + k];
      information[i * n + j] = sum;
    }
}

/* The Newton step of a picture under Normal(mean, sd²) from u. */
static void step_find(const fitter *f, const picture *p, const double *u, const double *mean,
                      const double *sd, double *step) {
  const size_t n = f->n;
  double       a[MOST * MOST];
  memcpy(a, p->information, n * n * sizeof *a);
  information_project(f, a);
  for (size_t i = 0; i < n; i++) {
    /* the caller filled n of them */
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    const double precision = 1.0 / (sd[i] * sd[i]);
    a[i * n + i] += precision;
    step[i] = p->score[i] + precision * (mean[i] - u[i]);
  }
  if (!clv_dense_cholesky(n, a, a)) {
    memset(step, 0, n * sizeof *step);
    return;
  }
  clv_dense_solve_lower(n, a, step);
  clv_dense_solve_lower_transposed(n, a, step);
  double most = LONGEST;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs(step[i]));
  for (size_t i = 0; i < n; i++) step[i] *= LONGEST / most;
}

static double log_normal(size_t n, const double *u, const double *mean, const double *sd) {
  double sum = 0.0;
  for (size_t i = 0; i < n; i++) sum -= 0.5 * (u[i] - mean[i]) * (u[i] - mean[i]) / (sd[i] * sd[i]);
  return sum;
}

/* Log posterior of a point: of one segment, or of all together (they are then at one place). */
static double posterior_at(const fitter *f, size_t point, size_t g, bool together, const double *mean,
                           const double *sd) {
  double ignored[MOST];
  double total = log_normal(f->n, f->point + point * f->width + g * f->n, mean, sd);
  if (!together) return total + gradient_at(f, point, g, ignored);
  for (size_t k = 0; k < f->n_segment; k++) total += gradient_at(f, point, k, ignored);
  return total;
}

static double posterior_now(const fitter *f, size_t g, bool together, const double *mean, const double *sd) {
  double total = log_normal(f->n, f->at + g * f->n, mean, sd);
  if (!together) return total + f->picture[g].value;
  for (size_t k = 0; k < f->n_segment; k++) total += f->picture[k].value;
  return total;
}

/* The best of the lengths tried, if any is better than staying. */
static void step_take(fitter *f, size_t g, bool together, const double *mean, const double *sd) {
  double best = posterior_now(f, g, together, mean, sd);
  size_t take = STEPS;
  for (size_t k = 0; k < STEPS; k++) {
    const double value = posterior_at(f, k, g, together, mean, sd);
    if (value > best) best = value, take = k;
  }
  if (take == STEPS) return;
  memcpy(f->at + g * f->n, f->point + take * f->width + g * f->n, f->n * sizeof *f->at);
}

static picture pictures_add(const fitter *f) {
  picture all = {0};
  for (size_t g = 0; g < f->n_segment; g++) {
    for (size_t i = 0; i < f->n; i++) all.score[i] += f->picture[g].score[i];
    for (size_t i = 0; i < f->n * f->n; i++) all.information[i] += f->picture[g].information[i];
  }
  return all;
}

/* One Newton iteration of all segments together or of each for itself, towards the mode under
 * Normal(mean, sd²). Two passes. */
static clv_status newton(fitter *f, bool together, const double *mean, const double *sd) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < f->width; i++) f->step[i] = STENCIL;
  CLV_TRY(pictures_take(f));
  const picture all = pictures_add(f);
  for (size_t g = 0; g < f->n_segment; g++)
    step_find(f, together ? &all : &f->picture[g], f->at + g * f->n, mean, sd, f->step + g * f->n);
  for (size_t k = 0; k < STEPS; k++)
    for (size_t i = 0; i < f->width; i++) f->point[k * f->width + i] = f->at[i] + ldexp(f->step[i], -(int)k);
  CLV_TRY(clv_accumulator_evaluate(f->sums, STEPS, f->point, f->sum));
  for (size_t g = 0; g < f->n_segment; g++) step_take(f, g, together, mean, sd);
out:
  return st;
}

/* 2^k at least 1, near the inverse of the likelihood's standard deviation in a coordinate. */
static double scale_of(double information) {
  int exponent = 0;
  if (information > 1.0) (void)frexp(sqrt(information), &exponent);
  return ldexp(1.0, exponent > 0 ? exponent - 1 : 0);
}

static double rounded(double x, double unit) { return nearbyint(x / unit) * unit; }

/* Lower triangular root C of a positive semidefinite matrix, A = C C'; directions without information have
 * zero columns. */
static void root_of(size_t n, const double *a, double *root) {
  memset(root, 0, n * n * sizeof *root);
  for (size_t j = 0; j < n; j++) {
    const double pivot = a[j * n + j] - clv_dense_dot(j, root + j * n, root + j * n);
    if (!(pivot > 1e-6 * (1.0 + a[j * n + j]))) continue;
    root[j * n + j] = sqrt(pivot);
    for (size_t i = j + 1; i < n; i++)
      root[i * n + j] = (a[i * n + j] - clv_dense_dot(j, root + i * n, root + j * n)) / root[j * n + j];
  }
}

/* Rounding the root keeps the information positive semidefinite, whatever it does. */
static void constants_take(const fitter *f, size_t g, clv_whitening *out) {
  const size_t n = f->n;
  picture     *p = &f->picture[g];
  double       root[MOST * MOST];
  information_project(f, p->information);
  root_of(n, p->information, root);
  for (size_t i = 0; i < n; i++) {
    const double unit = scale_of(p->information[i * n + i]) / PARTS;
    out->estimate[i]  = f->at[g * n + i];
    out->score[i]     = rounded(p->score[i], unit);
    for (size_t j = 0; j <= i; j++) root[i * n + j] = rounded(root[i * n + j], unit);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) out->information[i * n + j] = clv_dense_dot(n, root + i * n, root + j * n);
}

/* The last pictures: at rounded places, with stencils of a quarter of a standard deviation. */
static clv_status constants_find(fitter *f, clv_whitening *out) {
  clv_status st = CLV_OK;
  for (size_t i = 0; i < f->width; i++) f->step[i] = STENCIL;
  CLV_TRY(pictures_take(f));
  for (size_t g = 0; g < f->n_segment; g++)
    for (size_t i = 0; i < f->n; i++) {
      const double scale    = scale_of(f->picture[g].information[i * f->n + i]);
      f->at[g * f->n + i]   = rounded(f->at[g * f->n + i], 0.0625 / scale);
      f->step[g * f->n + i] = 0.25 / scale;
    }
  CLV_TRY(pictures_take(f));
  for (size_t g = 0; g < f->n_segment; g++) constants_take(f, g, &out[g]);
out:
  return st;
}

clv_status clv_whitening_fit(const clv_comm *comm, const clv_likelihood *likelihood,
                             const clv_coordinates *coordinates, const clv_prior *middle,
                             clv_whitening *out) {
  const size_t n = coordinates->n, n_segment = likelihood->n_segment;
  fitter       f = {.n = n, .n_segment = n_segment, .width = n * n_segment};
  double       mean[MOST], sd[MOST];
  clv_status   st = CLV_OK;
  CLV_CHECK(n > 0 && n <= MOST);
  f.segments = (clv_segments){.likelihood  = likelihood,
                              .coordinates = coordinates,
                              .self        = &f,
                              .n_dim       = f.width,
                              .place       = point_place};
  CLV_TRY(clv_comm_agree(comm, fitter_make(comm, &f)));
  for (size_t i = 0; i < n; i++) {
    CLV_CHECK(middle[i].family == CLV_PRIOR_NORMAL);
    mean[i] = middle[i].argument[0], sd[i] = middle[i].argument[1];
  }
  for (size_t i = 0; i < f.width; i++) f.at[i] = mean[i % n];
  for (int k = 0; k < TOGETHER_ROUNDS; k++) CLV_TRY(newton(&f, true, mean, sd));
  for (size_t i = 0; i < n; i++) mean[i] = f.at[i], sd[i] = CLV_WHITENING_SD;
  for (int k = 0; k < SINGLE_ROUNDS; k++) CLV_TRY(newton(&f, false, mean, sd));
  CLV_TRY(constants_find(&f, out));
out:
  fitter_free(&f);
  return st;
}
