/* The example plug-in with one thing broken, by -DFAULT_name. */
#ifdef FAULT_no_symbol
#define clv_plugin_get somewhere_else
#else
#define clv_plugin_get sound_get
#endif
#include "nbd.c"
#undef clv_plugin_get

#ifndef FAULT_no_symbol
static clv_plugin      plugin;
static clv_model_ops   model;
static clv_process_ops process;

#if defined(FAULT_undefined)
double clv_nowhere(double x);
#endif

#if defined(FAULT_silent) || defined(FAULT_says)
static void *make_nothing(const clv_plugin_data *data, char *message, size_t size) {
  (void)data, (void)message, (void)size;
#ifdef FAULT_says
  snprintf(message, size, "the moon is in the wrong phase");
#endif
  return NULL;
}
#endif

#if defined(FAULT_nan) || defined(FAULT_wrong) || defined(FAULT_split) || defined(FAULT_state) || \
    defined(FAULT_undefined)
static void finish_badly(const void *self, const double *phi, const double *sum, double *log_density,
                         double *gradient) {
  nbd_finish(self, phi, sum, log_density, gradient);
#if defined(FAULT_nan)
  gradient[RATE] = NAN;
#elif defined(FAULT_wrong)
  gradient[R] *= 1.001;
#elif defined(FAULT_split)
  *log_density += 1e-6 * (double)((const nbd *)self)->cells.n; /* this rank's rows */
#elif defined(FAULT_state)
  static double calls;
  *log_density += 1e-9 * calls++;
#elif defined(FAULT_undefined)
  *log_density = clv_nowhere(*log_density);
#endif
}
#endif

#if defined(FAULT_order) || defined(FAULT_count)
static void block_badly(const void *self, size_t block, size_t n_chain, const double *phi, double *sum) {
  nbd other = *(const nbd *)self;
#if defined(FAULT_count)
  static uint32_t ones[1 << 16];
  for (size_t i = 0; i < other.cells.n && i < 1 << 16; i++) ones[i] = 1;
  other.cells.count = ones;
#else
  for (size_t k = 0; k < n_chain; k++) sum[k * N_SUM] += 1e-3 * other.cells.x[block * CLV_PLUGIN_BLOCK];
#endif
  nbd_block(&other, block, n_chain, phi, sum);
}
#endif

#if defined(FAULT_forecast)
static double expected_badly(const double *theta, double t) { return 1.01 * process_expected(theta, t); }
#endif

const clv_plugin *clv_plugin_get(void) {
  plugin = PLUGIN, model = NBD, process = PROCESS;
  plugin.model = &model, plugin.process = &process;
#if defined(FAULT_abi)
  plugin.build.abi = 99;
#elif defined(FAULT_headers)
  plugin.build.customer += 8;
#elif defined(FAULT_null)
  return NULL;
#elif defined(FAULT_no_finish)
  model.finish = NULL;
#elif defined(FAULT_no_update)
  process.update = NULL;
#elif defined(FAULT_no_process)
  plugin.process = NULL;
#elif defined(FAULT_silent) || defined(FAULT_says)
  plugin.make = make_nothing;
#elif defined(FAULT_nan) || defined(FAULT_wrong) || defined(FAULT_split) || defined(FAULT_state) || \
    defined(FAULT_undefined)
  model.finish = finish_badly;
#elif defined(FAULT_order) || defined(FAULT_count)
  model.block = block_badly;
#elif defined(FAULT_forecast)
  process.expected_new = expected_badly;
#endif
  return &plugin;
}
#endif
