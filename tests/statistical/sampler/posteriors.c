#include "posteriors.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
  size_t n;
  double y[1024];
  double a[1024]; /* eight schools: sigma; kidscore: mom_hs */
  double b[1024]; /* kidscore: mom_iq */
} table;

/* Half-Cauchy(0, scale) of e^u with the Jacobian: log-density, and its derivative by u. */
static double half_cauchy(double u, double scale, double *by_u) {
  const double s = exp(u), q = s * s / (scale * scale);
  *by_u = 1.0 - 2.0 * q / (1.0 + q);
  return u - log1p(q);
}

/* x: z[8], mu, log tau; theta = mu + tau z. */
static double eight_schools(const void *context, const double *x, double *g) {
  const table *d  = context;
  const double mu = x[8], tau = exp(x[9]);
  double       lp = half_cauchy(x[9], 5, &g[9]) - 0.5 * mu * mu / 25.0;
  g[8]            = -mu / 25.0;
  for (size_t j = 0; j < 8; j++) {
    const double e = (d->y[j] - mu - tau * x[j]) / d->a[j], pull = e / d->a[j];
    lp -= 0.5 * (e * e + x[j] * x[j]);
    g[j] = pull * tau - x[j];
    g[8] += pull;
    g[9] += pull * tau * x[j];
  }
  return lp;
}
static void eight_schools_report(const void *context, const double *x, double *value) {
  (void)context;
  for (size_t j = 0; j < 8; j++) value[j] = x[8] + exp(x[9]) * x[j];
  value[8] = x[8];
  value[9] = exp(x[9]);
}

/* Normal regression on k terms; x: coefficients, log sigma. */
static double regression(size_t k, const double *row, double y, const double *x, double *g) {
  const double sigma = exp(x[k]);
  double       e     = y;
  for (size_t i = 0; i < k; i++) e -= row[i] * x[i];
  for (size_t i = 0; i < k; i++) g[i] += e * row[i] / (sigma * sigma);
  g[k] += e * e / (sigma * sigma) - 1.0;
  return -0.5 * e * e / (sigma * sigma) - x[k];
}
static double kidscore(const void *context, const double *x, double *g) {
  const table *d = context;
  memset(g, 0, 5 * sizeof *g);
  double lp = half_cauchy(x[4], 2.5, &g[4]);
  for (size_t i = 0; i < d->n; i++) {
    const double row[4] = {1, d->a[i], d->b[i], d->a[i] * d->b[i]};
    lp += regression(4, row, d->y[i], x, g);
  }
  return lp;
}
static double ark(const void *context, const double *x, double *g) {
  const table *d = context;
  memset(g, 0, 7 * sizeof *g);
  double lp = half_cauchy(x[6], 2.5, &g[6]);
  for (size_t i = 0; i < 6; i++) lp -= 0.5 * x[i] * x[i] / 100.0, g[i] -= x[i] / 100.0;
  for (size_t t = 5; t < d->n; t++) {
    const double row[6] = {1, d->y[t - 1], d->y[t - 2], d->y[t - 3], d->y[t - 4], d->y[t - 5]};
    lp += regression(6, row, d->y[t], x, g);
  }
  return lp;
}
static void kidscore_report(const void *context, const double *x, double *value) {
  (void)context;
  memcpy(value, x, 4 * sizeof *x);
  value[4] = exp(x[4]);
}
static void ark_report(const void *context, const double *x, double *value) {
  (void)context;
  memcpy(value, x, 6 * sizeof *x);
  value[6] = exp(x[6]);
}

/* x: mu1, log(mu2 - mu1), log sigma1, log sigma2, logit theta. */
static void gauss_mix_report(const void *context, const double *x, double *value) {
  (void)context;
  value[0] = x[0];
  value[1] = x[0] + exp(x[1]);
  value[2] = exp(x[2]);
  value[3] = exp(x[3]);
  value[4] = 1.0 / (1.0 + exp(-x[4]));
}
static double gauss_mix(const void *context, const double *x, double *g) {
  const table *d = context;
  double       v[5], gap = exp(x[1]), by[5] = {0}; /* by mu1, mu2, log sigma1, log sigma2, logit theta */
  gauss_mix_report(NULL, x, v);
  double lp = x[1] + x[2] + x[3] - (v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3]) / 8.0 +
              5.0 * (log(v[4]) + log1p(-v[4]));
  for (size_t i = 0; i < d->n; i++) {
    const double z1 = (d->y[i] - v[0]) / v[2], z2 = (d->y[i] - v[1]) / v[3];
    const double l1 = log(v[4]) - x[2] - 0.5 * z1 * z1, l2 = log1p(-v[4]) - x[3] - 0.5 * z2 * z2;
    const double most = l1 > l2 ? l1 : l2, both = most + log(exp(l1 - most) + exp(l2 - most));
    const double r1 = exp(l1 - both), r2 = exp(l2 - both);
    lp += both;
    by[0] += r1 * z1 / v[2];
    by[1] += r2 * z2 / v[3];
    by[2] += r1 * (z1 * z1 - 1.0);
    by[3] += r2 * (z2 * z2 - 1.0);
    by[4] += r1 - v[4];
  }
  g[0] = by[0] + by[1] - (v[0] + v[1]) / 4.0;
  g[1] = (by[1] - v[1] / 4.0) * gap + 1.0;
  g[2] = by[2] + 1.0 - v[2] * v[2] / 4.0;
  g[3] = by[3] + 1.0 - v[3] * v[3] / 4.0;
  g[4] = by[4] + 5.0 - 10.0 * v[4];
  return lp;
}

typedef struct definition {
  const char *file, *reference, *column[3];
  size_t      dim, n_value;
  double (*log_density)(const void *context, const double *x, double *gradient);
  void (*report)(const void *context, const double *x, double *value);
} definition;

static const definition DEFINITION[POSTERIORS] = {
    {"eight_schools.json",
     "eight_schools-eight_schools_noncentered",
     {"y", "sigma", NULL},
     10,
     10,
     eight_schools,
     eight_schools_report},
    {"kidiq.json",
     "kidiq-kidscore_interaction",
     {"kid_score", "mom_hs", "mom_iq"},
     5,
     5,
     kidscore,
     kidscore_report},
    {"arK.json", "arK-arK", {"y", NULL, NULL}, 7, 7, ark, ark_report},
    {"low_dim_gauss_mix.json",
     "low_dim_gauss_mix-low_dim_gauss_mix",
     {"y", NULL, NULL},
     5,
     5,
     gauss_mix,
     gauss_mix_report}};

static int table_read(const char *path, const char *const column[3], table *out) {
  double *const to[3] = {out->y, out->a, out->b};
  json_t       *root  = json_load_file(path, 0, NULL);
  int           bad   = root == NULL;
  for (int k = 0; !bad && k < 3 && column[k] != NULL; k++) {
    const json_t *array = json_object_get(root, column[k]);
    out->n              = json_array_size(array);
    bad                 = out->n == 0 || out->n > 1024;
    for (size_t i = 0; !bad && i < out->n; i++) to[k][i] = json_number_value(json_array_get(array, i));
  }
  json_decref(root);
  return bad;
}

int posterior_open(posterior_name name, posterior *out) {
  const definition *def    = &DEFINITION[name];
  const char       *shared = getenv("CLV_SHARED_DATA");
  char              path[4096];
  if (shared == NULL || *shared == '\0') {
    printf("skipped: CLV_SHARED_DATA is not set\n");
    return 77;
  }
  snprintf(path, sizeof path, "%s/reference/posteriordb/%s", shared, def->file);
  table *data = calloc(1, sizeof *data);
  if (data == NULL || table_read(path, def->column, data) != 0) {
    fprintf(stderr, "cannot read %s\n", path);
    free(data);
    return 1;
  }
  *out = (posterior){.what      = {def->reference, def->dim, def->log_density, NULL, data},
                     .reference = def->reference,
                     .n_value   = def->n_value,
                     .report    = def->report,
                     .context   = data};
  return 0;
}

void posterior_close(posterior *self) {
  free(self->context);
  self->context = NULL;
}

int posterior_reference(const posterior *self, reference *out) {
  char   path[4096], line[256], name[128];
  size_t n = 0;
  snprintf(path, sizeof path, "%s/reference/posteriordb/reference.csv", getenv("CLV_SHARED_DATA"));
  FILE *file = fopen(path, "r");
  if (file == NULL) return 1;
  while (n < self->n_value && fgets(line, sizeof line, file) != NULL) {
    reference r;
    if (sscanf(line, "%127[^,],%31[^,],%lf,%lf,%lf", name, r.name, &r.mean, &r.sd, &r.mcse_mean) == 5 &&
        strcmp(name, self->reference) == 0)
      out[n++] = r;
  }
  fclose(file);
  return n != self->n_value;
}
