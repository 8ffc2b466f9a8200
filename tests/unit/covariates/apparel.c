/* The Apparel customers with their two static covariates, end to end from the log: the published
 * log-likelihood of the Pareto/NBD at the published estimates (CLVTools, 104 weeks: -5821.0627), which is the
 * highest around there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/accumulator.h"
#include "jobs/fit_model.h"
#include "jobs/prepare.h"

enum { DIM = 8 };
/* r, alpha, s, beta; then purchases and life, Gender and Channel */
static const double ESTIMATE[DIM] = {1.8378, 92.912, 0.5920, 49.623, 0.2859, 0.6241, -0.6430, 0.7907};

static clv_status likelihood_at(const clv_comm *comm, const clv_model *model, const double *phi,
                                double *value) {
  clv_accumulator  *sums = NULL;
  double            sum[64];
  const clv_summand what = {model->self, model->ops->n_block(model->self), model->ops->n_sum(model->self),
                            DIM, model->ops->block};
  clv_status        st   = CLV_OK;
  CLV_CHECK(model->ops->n_dim(model->self) == DIM && what.n_sum <= 64);
  CLV_TRY(clv_accumulator_new(comm, &what, 1, &sums));
  CLV_TRY(clv_accumulator_evaluate(sums, 1, phi, sum));
  *value = model->ops->log_likelihood(model->self, phi, sum);
out:
  clv_accumulator_free(&sums);
  return st;
}

static clv_status estimates_check(const clv_comm *comm, const clv_model *model) {
  const double *e        = ESTIMATE;
  double        phi[DIM] = {log(e[0]), log(e[0] / e[1]), log(e[2]), log(e[2] / e[3]), e[4], e[5], e[6], e[7]};
  double        reported[DIM], best, other;
  clv_status    st = CLV_OK;
  model->ops->constrain(model->self, phi, reported);
  for (size_t i = 0; i < DIM; i++)
    if (!(fabs(reported[i] / e[i] - 1.0) < 1e-14))
      CLV_TRY(clv_fail(CLV_EFAULT, "value %zu is reported as %.10g, not as %.10g", i, reported[i], e[i]));
  CLV_TRY(likelihood_at(comm, model, phi, &best));
  /* four digits of the estimates leave 2e-4 of a maximum */
  if (!(fabs(best + 5821.0627) < 5e-4))
    CLV_TRY(clv_fail(CLV_EFAULT, "log-likelihood %.6f, published -5821.0627", best));
  for (size_t i = 0; i < 2 * DIM; i++) {
    const double step = i % 2 == 0 ? 0.01 : -0.01;
    phi[i / 2] += step;
    CLV_TRY(likelihood_at(comm, model, phi, &other));
    phi[i / 2] -= step;
    if (!(other < best)) CLV_TRY(clv_fail(CLV_EFAULT, "coordinate %zu: %.6f above %.6f", i / 2, other, best));
  }
out:
  return st;
}

int main(int argc, char **argv) {
  static char    folder[64] = "/tmp/clv_apparel_XXXXXX", log[512], table[512], path[96], command[96];
  static char    gender[] = "Gender", channel[] = "Channel", all[] = "all";
  const char    *shared = getenv("CLV_SHARED_DATA");
  char          *logs[] = {log}, *covariates[] = {gender, channel}, *every[] = {all};
  clv_comm      *comm      = NULL;
  clv_portfolio *portfolio = NULL;
  clv_fit_model  fit       = {0};
  clv_config     c         = {.name = (char[]){"run"}};
  clv_status     st        = clv_comm_init(&argc, &argv);
  if (st < 0) return 1;
  if (shared == NULL || shared[0] == '\0')
    return puts("skipped: CLV_SHARED_DATA names no folder with data/"), 77;
  CLV_TRY(clv_comm_world(&comm));
  if (mkdtemp(folder) == NULL) return 1;
  snprintf(log, sizeof log, "%s/data/apparel_transactions.csv", shared);
  snprintf(table, sizeof table, "%s/data/apparel_covariates.csv", shared);
  snprintf(path, sizeof path, "%s/run/portfolio.h5", folder);
  c.output.directory = folder;
  c.data.customer = c.customers.customer = (char[]){"Id"};
  c.data.time = (char[]){"Date"}, c.data.amount = (char[]){"Price"};
  c.data.time_unit = CLV_WEEK, c.data.merge_unit = CLV_MERGE_DAY;
  c.data.observation_end  = (char[]){"2006-12-31"};
  c.data.transactions     = (clv_strings){logs, 1};
  c.data.min_transactions = 2, c.data.rescale_factor = 1.0;
  c.data.returns = c.data.zero_amounts = c.data.duplicates = c.data.bad_rows = CLV_KEEP;
  c.customers.missing = c.customers.unknown_ids = CLV_KEEP;
  c.customers.table                             = table;
  c.customers.covariates                        = (clv_strings){covariates, 2};
  c.model.purchases = (char[]){"pareto_nbd"}, c.model.spend = (char[]){"none"};
  c.model.pooling = CLV_POOLING_COMPLETE;
  for (size_t on = 0; on < CLV_ON_N; on++) c.model.covariates[on] = (clv_strings){every, 1};
  CLV_TRY(clv_prepare(comm, &c, NULL));
  CLV_TRY(clv_portfolio_open(comm, path, &portfolio));
  CLV_TRY(clv_fit_model_new(comm, portfolio, &c, &fit));
  CLV_TRY(estimates_check(comm, &fit.model));
out:
  if (st < 0) fprintf(stderr, "%s\n", clv_message());
  clv_fit_model_free(&fit);
  clv_portfolio_close(&portfolio);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (system(command) != 0) st = CLV_EIO;
  clv_comm_free(&comm);
  clv_comm_finalize();
  return st < 0;
}
