/* Compiled once per instruction set. Eight lanes are decided on together and summed in a fixed order: the
 * bits do not depend on the vector width. */
#include "engine/models/gamma_value_rows_kernel.h"
#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR, SUMS = 6, TRIES = 40, NODES = 512 };
/* As in gamma_value_grid.c. */
static const double STEP = 0.65, STEP_MOST = 0.4, FAR = 7.75;

typedef struct lanes {
  clv_vector part[VECTORS];
} lanes;

static const double LANE[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

CLV_INLINE clv_vector magnitude(clv_vector x) { return clv_vector_pick((clv_mask)(x < 0.0), -x, x); }

static double lanes_most(const lanes *x) {
  double most = x->part[0][0];
  for (size_t l = 1; l < LANES; l++) {
    const double here = x->part[l / CLV_VECTOR][l % CLV_VECTOR];
    most              = here > most ? here : most;
  }
  return most;
}

static double lanes_sum(const lanes *x) {
  double lane[LANES];
  for (size_t l = 0; l < LANES; l++) lane[l] = x->part[l / CLV_VECTOR][l % CLV_VECTOR];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* Slope and curvature in a of a row's logarithm, with the integral over u taken for normal; log alpha -
 * digamma(alpha) is (1 + 1 / (1 + 6 alpha)) / (2 alpha) within 1 %. The curvature is one that Newton's steps
 * do not overshoot with. */
CLV_INLINE clv_vector climb(const clv_gamma_value_rule *r, clv_vector n, clv_vector off, clv_vector gap,
                            clv_vector a, clv_vector *curvature) {
  const double     s2 = r->s * r->s, tight = 1.0 / (r->prior.sd[0] * r->prior.sd[0]), b = r->slope;
  const clv_vector alpha = clv_vector_exp_tame(a), kappa = n * alpha, K = s2 * kappa,
                   at   = a - r->prior.mean[0];
  const clv_vector pull = kappa / (1.0 + K); /* one over s^2 + 1 / kappa */
  const clv_vector push = (off - b * at) * pull, bend = 0.5 + 0.5 / (1.0 + 6.0 * alpha) - alpha * gap;
  *curvature = n * (1.0 / (12.0 * alpha + 4.0) + alpha * gap) + tight + b * b * pull;
  return n * bend - tight * at + b * push - 0.5 * push * push / kappa - 0.5 * s2 * pull;
}

/* Lanes that have arrived stay: nobody's mode depends on who is beside him. */
void CLV_KERNEL(clv_gamma_value_modes)(const clv_gamma_value_rule *rule, const double *n,
                                       const double *log_mean, const double *gap, double *mode,
                                       double *curvature) {
  for (size_t v = 0; v < LANES; v += CLV_VECTOR) {
    const clv_vector off = clv_vector_load(log_mean + v) - rule->prior.mean[1];
    clv_vector       a = clv_vector_of(rule->prior.mean[0]), bent = {0}, step = clv_vector_of(1.0);
    for (int i = 0; i < TRIES; i++) {
      const clv_mask   moving = (clv_mask)(magnitude(step) > 0.02);
      clv_vector       now;
      const clv_vector slope = climb(rule, clv_vector_load(n + v), off, clv_vector_load(gap + v), a, &now);
      uint64_t         any   = 0;
      step                   = slope / now;
      step                   = clv_vector_pick((clv_mask)(step > 2.0), clv_vector_of(2.0), step);
      step                   = clv_vector_pick((clv_mask)(step < -2.0), clv_vector_of(-2.0), step);
      step                   = clv_vector_pick(moving, step, clv_vector_of(0.0));
      bent                   = clv_vector_pick(moving, now, bent);
      a += step;
      for (size_t l = 0; l < CLV_VECTOR; l++) any |= moving[l];
      if (any == 0) break;
    }
    for (size_t l = 0; l < CLV_VECTOR; l++) mode[v + l] = a[l], curvature[v + l] = bent[l];
  }
}

/* A lot of eight rows. */
typedef struct lot {
  lanes kappa, K, delta; /* K = kappa s^2 */
  lanes eta, e;          /* mode of u, its sign turned, and e^eta */
} lot;

/* K (e^eta - 1) + eta = delta, from Halley's step from 0, by Halley's steps. False where they do not arrive.
 */
CLV_INLINE bool lot_solve(lot *at) {
  for (size_t v = 0; v < VECTORS; v++) {
    const clv_vector K = at->K.part[v], share = 1.0 / (1.0 + K), d = at->delta.part[v] * share;
    const clv_vector eta = clv_vector_pick((clv_mask)(d > -1.0), d / (1.0 + 0.5 * d * (K * share)), d);
    at->eta.part[v]      = clv_vector_pick((clv_mask)(eta > 600.0), clv_vector_of(600.0), eta);
  }
  for (int i = 0; i < TRIES; i++) {
    lanes moved;
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector K = at->K.part[v], e = clv_vector_exp_tame(at->eta.part[v]), y = K * e, g = 1.0 + y;
      const clv_vector r    = ((K - y) + at->delta.part[v]) - at->eta.part[v];
      const clv_vector bend = r * y, square = g * g; /* far off Halley's step may point away: Newton's */
      const clv_vector x =
          2.0 * r * g /
          (2.0 * square + clv_vector_pick((clv_mask)(bend > -square), bend, clv_vector_of(0.0)));
      at->eta.part[v] += x;
      at->e.part[v] = e + e * (x * (1.0 + x * (0.5 + x * (1.0 / 6.0))));
      moved.part[v] = magnitude(x);
    }
    if (lanes_most(&moved) < 1e-4) return true;
  }
  return false;
}

/* The polynomials at y, by Clenshaw's recurrence: log factor, E t / s^2, E t^2 / sd^2. */
CLV_INLINE void lot_moments(const clv_gamma_value_rule *rule, const lanes *y, lanes value[3]) {
  lanes twice, before[3] = {0};
  for (size_t v = 0; v < VECTORS; v++) {
    const clv_vector x = rule->is_root ? clv_vector_sqrt(y->part[v]) : y->part[v];
    twice.part[v]      = 2.0 - 4.0 / (1.0 + x);
    for (int i = 0; i < 3; i++) value[i].part[v] = clv_vector_of(0.0);
  }
  for (size_t k = rule->n; k-- > 1;)
    for (int i = 0; i < 3; i++)
      for (size_t v = 0; v < VECTORS; v++) {
        const clv_vector now =
            clv_vector_fma(twice.part[v], value[i].part[v], rule->coefficient[k][i] - before[i].part[v]);
        before[i].part[v] = value[i].part[v];
        value[i].part[v]  = now;
      }
  for (int i = 0; i < 3; i++)
    for (size_t v = 0; v < VECTORS; v++)
      value[i].part[v] =
          clv_vector_fma(0.5 * twice.part[v], value[i].part[v], rule->coefficient[0][i] - before[i].part[v]);
}

/* The same of one population and one customer, summed by the trapezoid rule along each row: see
 * gamma_value_grid.c. The factor itself, not its logarithm; and E e^t. False where that is too long. */
CLV_INLINE bool lot_sums(double s, const lanes *y, lanes *factor, lanes value[3], lanes *growth) {
  const double s2 = s * s;
  lanes        q, sd, step, reach, t, down, up, fall, rise, term[4] = {0};
  for (size_t v = 0; v < VECTORS; v++) {
    q.part[v]          = y->part[v] / s2;
    sd.part[v]         = s / clv_vector_sqrt(1.0 + y->part[v]);
    const clv_vector c = q.part[v], left = FAR * sd.part[v],
                     right = (30.0 + clv_vector_sqrt(900.0 + 240.0 * c)) / (2.0 * c), h = STEP * sd.part[v];
    step.part[v] = clv_vector_pick((clv_mask)(h < STEP_MOST), h, clv_vector_of(STEP_MOST));
    reach.part[v] =
        (left + clv_vector_pick((clv_mask)(right < FAR * s), right, clv_vector_of(FAR * s))) / step.part[v];
    t.part[v]    = -left;
    down.part[v] = clv_vector_exp_tame(left);
    up.part[v]   = clv_vector_exp_tame(-left);
    fall.part[v] = clv_vector_exp_tame(-step.part[v]);
    rise.part[v] = clv_vector_exp_tame(step.part[v]);
  }
  const double most = lanes_most(&reach);
  if (!(most < NODES)) return false;
  for (size_t k = 0; (double)k <= most + 1.0; k++)
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector x = t.part[v];
      const clv_vector w =
          clv_vector_exp_tame((-0.5 / s2) * (x * x) - q.part[v] * ((down.part[v] - 1.0) + x));
      term[0].part[v] += w;
      term[1].part[v] += w * x;
      term[2].part[v] += w * (x * x);
      term[3].part[v] += w * up.part[v];
      down.part[v] *= fall.part[v];
      up.part[v] *= rise.part[v];
      t.part[v] += step.part[v];
    }
  for (size_t v = 0; v < VECTORS; v++) {
    const clv_vector inverse = 1.0 / term[0].part[v];
    factor->part[v]  = term[0].part[v] * step.part[v] / (sd.part[v] * 2.5066282746310002); /* sqrt(2 pi) */
    value[0].part[v] = clv_vector_of(0.0);
    value[1].part[v] = term[1].part[v] * inverse / s2;
    value[2].part[v] = term[2].part[v] * inverse / (sd.part[v] * sd.part[v]);
    growth->part[v]  = term[3].part[v] * inverse;
  }
  return true;
}

/* e^x - 1 - x, by its series where it would cancel. */
CLV_INLINE clv_vector bow(clv_vector x, clv_vector e) {
  clv_vector sum = clv_vector_of(1.0 / 40320.0);
  sum            = clv_vector_fma(sum, x, clv_vector_of(1.0 / 5040.0));
  sum            = clv_vector_fma(sum, x, clv_vector_of(1.0 / 720.0));
  sum            = clv_vector_fma(sum, x, clv_vector_of(1.0 / 120.0));
  sum            = clv_vector_fma(sum, x, clv_vector_of(1.0 / 24.0));
  sum            = clv_vector_fma(sum, x, clv_vector_of(1.0 / 6.0));
  sum            = clv_vector_fma(sum, x, clv_vector_of(0.5));
  return clv_vector_pick((clv_mask)(magnitude(x) < 0.02), x * x * sum, (e - 1.0) - x);
}

/* A row's logarithm, but for the factor `width`, and the expected e and e^2, of e less its prior mean, and
 * e^u. */
typedef struct rows {
  double log_weight[CLV_GAMMA_VALUE_ROWS], width[CLV_GAMMA_VALUE_ROWS];
  double first[CLV_GAMMA_VALUE_ROWS], second[CLV_GAMMA_VALUE_ROWS], money[CLV_GAMMA_VALUE_ROWS];
} rows;

static bool lot_fill(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who,
                     const clv_gamma_value_span *span, size_t k, rows *to) {
  const double s2 = rule->s * rule->s, off = who->log_mean - rule->prior.mean[1];
  lot          at;
  const bool   is_alone = rule->n == 0;
  lanes        y, value[3], a, factor = {0}, growth = {0};
  for (size_t v = 0; v < VECTORS; v++) {
    a.part[v] = (clv_vector_load(LANE + v * CLV_VECTOR) + (double)k) * span->step +
                (span->first - rule->prior.mean[0]);
    at.kappa.part[v] = who->n * clv_vector_load(span->alpha + k + v * CLV_VECTOR);
    at.K.part[v]     = at.kappa.part[v] * s2;
    at.delta.part[v] = off - rule->slope * a.part[v];
  }
  if (!lot_solve(&at)) return false;
  for (size_t v = 0; v < VECTORS; v++) y.part[v] = at.K.part[v] * at.e.part[v];
  if (!is_alone) lot_moments(rule, &y, value);
  if (is_alone && !lot_sums(rule->s, &y, &factor, value, &growth)) return false;
  for (size_t v = 0; v < VECTORS; v++) {
    const size_t     i = k + v * CLV_VECTOR;
    const clv_vector A = a.part[v] / rule->prior.sd[0], inverse = 1.0 / (1.0 + y.part[v]),
                     eta  = at.eta.part[v];
    const clv_vector pull = at.delta.part[v] - eta, mode = off - eta, shift = s2 * value[1].part[v];
    const clv_vector own =
        who->n * (clv_vector_load(span->peak + i) - who->gap * clv_vector_load(span->alpha + i));
    const clv_vector log_weight = ((own - 0.5 * (A * A)) - at.kappa.part[v] * bow(eta, at.e.part[v])) -
                                  (0.5 / s2) * (pull * pull) + value[0].part[v];
    clv_vector width = clv_vector_sqrt(inverse);
    if (is_alone) width *= factor.part[v];
    clv_vector_store(to->log_weight + i, log_weight);
    clv_vector_store(to->width + i, width);
    if (is_alone) clv_vector_store(to->money + i, growth.part[v] / at.e.part[v]);
    clv_vector_store(to->first + i, mode + shift);
    clv_vector_store(to->second + i, mode * (mode + 2.0 * shift) + (s2 * inverse) * value[2].part[v]);
  }
  return true;
}

static double rows_most(const rows *r, size_t n) {
  lanes most;
  for (size_t v = 0; v < VECTORS; v++) most.part[v] = clv_vector_of(-INFINITY);
  for (size_t k = 0; k < n; k += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const clv_vector here = clv_vector_load(r->log_weight + k + v * CLV_VECTOR);
      most.part[v]          = clv_vector_pick((clv_mask)(here > most.part[v]), here, most.part[v]);
    }
  return lanes_most(&most);
}

/* log Gamma by Stirling's series, behind eight steps of the recurrence below 10. */
void CLV_KERNEL(clv_gamma_value_shapes)(double first, double step, size_t n, double *alpha, double *peak) {
  for (size_t k = 0; k < n; k += CLV_VECTOR) {
    const clv_vector a = (clv_vector_load(LANE) + (double)k) * step + first, x = clv_vector_exp_tame(a);
    const clv_mask   low = (clv_mask)(x < 10.0);
    const clv_vector z = clv_vector_pick(low, x + 8.0, x), r = 1.0 / z, r2 = r * r;
    clv_vector       product = x, series = clv_vector_of(1.0 / 1188.0);
    for (int i = 1; i < 8; i++) product *= x + (double)i;
    series                 = clv_vector_fma(series, r2, clv_vector_of(-1.0 / 1680.0));
    series                 = clv_vector_fma(series, r2, clv_vector_of(1.0 / 1260.0));
    series                 = clv_vector_fma(series, r2, clv_vector_of(-1.0 / 360.0));
    series                 = clv_vector_fma(series, r2, clv_vector_of(1.0 / 12.0)) * r;
    const clv_vector log_z = clv_vector_log(z),
                     gamma = (z - 0.5) * log_z - z + 0.9189385332046727 + series - /* log(2 pi) / 2 */
                             clv_vector_log(clv_vector_pick(low, product, clv_vector_of(1.0)));
    const clv_vector here = clv_vector_pick(low, x * a - gamma - x, 0.5 * a - 0.9189385332046727 - series);
    clv_vector_store(alpha + k, x);
    clv_vector_store(peak + k, here);
  }
}

bool CLV_KERNEL(clv_gamma_value_rows)(const clv_gamma_value_rule *rule, const clv_gamma_value_record *who,
                                      const clv_gamma_value_span *span, double *sum) {
  rows  r;
  lanes total[SUMS] = {0}, money = {0};
  for (size_t k = 0; k < span->n; k += LANES)
    if (!lot_fill(rule, who, span, k, &r)) return false;
  const double most = rows_most(&r, span->n);
  for (size_t k = 0; k < span->n; k += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     i = k + v * CLV_VECTOR;
      const clv_vector a = (clv_vector_load(LANE + v * CLV_VECTOR) + (double)k) * span->step +
                           (span->first - rule->prior.mean[0]);
      const clv_vector first = clv_vector_load(r.first + i);
      const clv_vector w =
          clv_vector_load(r.width + i) * clv_vector_exp_tame(clv_vector_load(r.log_weight + i) - most);
      total[0].part[v] += w;
      total[1].part[v] += w * a;
      total[2].part[v] += w * first;
      total[3].part[v] += w * (a * a);
      total[4].part[v] += w * clv_vector_load(r.second + i);
      total[5].part[v] += w * (a * first);
      if (rule->n == 0) money.part[v] += w * clv_vector_load(r.money + i);
    }
  sum[0] = most;
  for (size_t i = 0; i < SUMS; i++) sum[i + 1] = lanes_sum(&total[i]);
  sum[SUMS + 3] = lanes_sum(&money);
  sum[SUMS + 1] = r.log_weight[0] - most, sum[SUMS + 2] = r.log_weight[span->n - 1] - most;
  return true;
}
