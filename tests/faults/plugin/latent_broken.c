/* The example of a plug-in whose customers are sampled, with one thing broken, by -DFAULT_name. */
#define clv_plugin_get sound_get
#include "poisson_lognormal.c"
#undef clv_plugin_get

static clv_plugin           plugin;
static clv_model_ops        hyper;
static clv_latent_model_ops latent;

#if defined(FAULT_nan_phi) || defined(FAULT_wrong_phi) || defined(FAULT_split) || defined(FAULT_state) || \
    defined(FAULT_boundless)
static void finish_badly(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  model_finish(self, phi, sum, log_density, gradient);
#if defined(FAULT_nan_phi)
  gradient[LOG_SD] = NAN;
#elif defined(FAULT_wrong_phi)
  gradient[MEAN] *= 1.001;
#elif defined(FAULT_split)
  *log_density += 1e-6 * (double)((const model *)self)->who.n; /* this rank's customers */
#elif defined(FAULT_state)
  static double calls;
  *log_density += 1e-9 * calls++;
#elif defined(FAULT_boundless)
  if (!isfinite(*log_density)) *log_density = INFINITY;
#endif
}
#endif

#if defined(FAULT_nan_own) || defined(FAULT_wrong_own) || defined(FAULT_order) || defined(FAULT_behind) || \
    defined(FAULT_nan_sum)
static void block_badly(const void *self, size_t block, const double *phi, const double *z, double *gradient,
                        double *sum) {
  const model *m = self;
  size_t       first;
  const size_t n = block_rows(m, block, &first);
  model_block(self, block, phi, z, gradient, sum);
#if defined(FAULT_nan_own)
  gradient[n - 1] = NAN;
#elif defined(FAULT_wrong_own)
  gradient[0] += 1e-3, gradient[n - 1] += 1e-3;
#elif defined(FAULT_order)
  sum[LOG_DENSITY] += 1e-3 * m->who.x[first];
#elif defined(FAULT_behind)
  if (n < WIDTH) gradient[n] = 1.0;
#elif defined(FAULT_nan_sum)
  if (m->who.T[first] > 0.0) sum[LOG_DENSITY] = NAN;
#endif
  (void)n, (void)first;
}
#endif

#if defined(FAULT_blocks)
static clv_blocks blocks_badly(const void *self) {
  clv_blocks b = model_blocks(self);
  b.n--;
  return b;
}
#endif

#if defined(FAULT_nameless)
static const char *no_name(const void *self, size_t k) { return (void)self, (void)k, ""; }
#endif

const clv_plugin *clv_plugin_get(void) {
  plugin = PLUGIN, hyper = HYPER, latent = LATENT;
  plugin.latent = &latent, latent.hyper = &hyper;
#if defined(FAULT_latent_abi)
  latent.abi = 99;
#elif defined(FAULT_both)
  plugin.model = &hyper;
#elif defined(FAULT_neither)
  plugin.latent = NULL;
#elif defined(FAULT_cells)
  plugin.reads = CLV_PLUGIN_CELLS;
#elif defined(FAULT_no_constrain)
  latent.latent_constrain = NULL;
#elif defined(FAULT_no_hyper)
  latent.hyper = NULL;
#elif defined(FAULT_blocks)
  latent.blocks = blocks_badly;
#elif defined(FAULT_nameless)
  latent.latent_name = no_name;
#elif defined(FAULT_nan_own) || defined(FAULT_wrong_own) || defined(FAULT_order) || defined(FAULT_behind) || \
    defined(FAULT_nan_sum)
  latent.block = block_badly;
#elif defined(FAULT_nan_phi) || defined(FAULT_wrong_phi) || defined(FAULT_split) || defined(FAULT_state) || \
    defined(FAULT_boundless)
  hyper.finish = finish_badly;
#endif
  return &plugin;
}
