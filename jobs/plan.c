#include "jobs/plan.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/plan_estimate.h"
#include "jobs/plan_pass.h"

/* A larger portfolio is not built on the machine that plans: its cost is scaled from the shops. */
static const double CUSTOMERS_MEASURED_MOST = 5e6;
static const double BYTES_A_RANK            = 4294967296.0;

typedef struct options {
  double customers, transactions, ranks, bytes; /* 0: not given */
  bool   is_json, is_quick;
} options;

/* ---- options ---- */

static clv_status number_read(const char *name, const char *text, double most, double *out) {
  char *end;
  *out = strtod(text, &end);
  if (end == text || *end != '\0' || !(*out >= 1.0 && *out <= most) || *out != floor(*out))
    return clv_fail(CLV_EUSAGE, "%s: '%.40s' is no whole number from 1 to %.0f", name, text, most);
  return CLV_OK;
}

/* "4G", "512M": powers of 1024, as Slurm counts. */
static clv_status bytes_read(const char *name, const char *text, double *out) {
  static const char UNIT[] = "KMGT";
  char             *end;
  const double      value = strtod(text, &end);
  const char       *unit  = *end == '\0' ? NULL : strchr(UNIT, toupper((unsigned char)*end));
  if (end == text || !(value > 0.0 && value < 1e15) || (*end != '\0' && (unit == NULL || end[1] != '\0')))
    return clv_fail(CLV_EUSAGE, "%s: '%.40s' is no size such as 512M or 4G", name, text);
  *out = ldexp(value, unit == NULL ? 0 : 10 * (int)(unit - UNIT + 1));
  return CLV_OK;
}

static clv_status option_read(const clv_job_context *context, int *i, options *out) {
  const char *name = context->argv[*i];
  if (strcmp(name, "--json") == 0) {
    out->is_json = true;
    return CLV_OK;
  }
  if (strcmp(name, "--quick") == 0) {
    out->is_quick = true;
    return CLV_OK;
  }
  const bool is_known = strcmp(name, "--customers") == 0 || strcmp(name, "--transactions") == 0 ||
                        strcmp(name, "--ranks") == 0 || strcmp(name, "--memory-per-rank") == 0;
  if (!is_known)
    return clv_fail(CLV_EUSAGE, "clv plan does not know '%.64s'; clv plan --help lists the options", name);
  if (*i + 1 == context->argc)
    return clv_fail(CLV_EUSAGE, "%s wants a value; clv plan --help lists the options", name);
  const char *text = context->argv[++*i];
  if (strcmp(name, "--memory-per-rank") == 0) return bytes_read(name, text, &out->bytes);
  if (strcmp(name, "--ranks") == 0) return number_read(name, text, 1e5, &out->ranks);
  return number_read(name, text, 1e12, name[2] == 'c' ? &out->customers : &out->transactions);
}

/* ---- what the user sees ---- */

static json_t *json_whole(double x) { return json_integer((json_int_t)ceil(x)); }
static json_t *json_seconds(double x) { return json_real(ceil(10.0 * x) / 10.0); }

static clv_status json_show(const clv_config *config, const clv_plan_size *size, const clv_rehearsal *r,
                            const clv_plan *plan) {
  json_t *root = json_object(), *steps = json_array();
  for (size_t i = 0; i < plan->n_step; i++)
    json_array_append_new(steps, json_pack("{s:s, s:i, s:o, s:o}", "step", plan->step[i].job, "ranks",
                                           plan->ranks, "seconds", json_seconds(plan->step[i].seconds),
                                           "memory_bytes_per_rank", json_whole(plan->step[i].bytes)));
  json_object_set_new(root, "format", json_integer(1));
  json_object_set_new(root, "name", json_string(config->name));
  json_object_set_new(root, "source", json_string(size->source));
  json_object_set_new(root, "customers", json_whole(size->customers));
  json_object_set_new(root, "transactions", json_whole(size->transactions));
  json_object_set_new(root, "distinct_histories", json_whole(size->histories));
  json_object_set_new(root, "ranks", json_integer(plan->ranks));
  json_object_set_new(root, "seconds", json_seconds(plan->seconds));
  json_object_set_new(root, "memory_bytes_per_rank", json_whole(plan->bytes));
  json_object_set_new(root, "disk_bytes", json_whole(plan->disk_bytes));
  json_object_set_new(root, "steps", steps);
  json_object_set_new(root, "measured_seconds", json_seconds(r->seconds));
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  json_decref(root);
  if (text == NULL) return clv_fail(CLV_ENOMEM, "no memory for the plan's text");
  printf("%s\n", text);
  free(text);
  return CLV_OK;
}

static void table_show(const clv_config *config, const clv_plan_size *size, const clv_rehearsal *r,
                       const clv_plan *plan) {
  const double mib = 1048576.0;
  printf("%s: %.0f customers, %.0f transactions, %.0f distinct histories (%s)\n", config->name,
         size->customers, size->transactions, size->histories,
         strcmp(size->source, "portfolio") == 0 ? "portfolio.h5"
         : strcmp(size->source, "log") == 0     ? "guessed from the log"
                                                : "as given");
  printf("%-10s %8s %10s %14s\n", "step", "ranks", "seconds", "MiB a rank");
  for (size_t i = 0; i < plan->n_step; i++)
    printf("%-10s %8d %10.1f %14.0f\n", plan->step[i].job, plan->ranks, plan->step[i].seconds,
           ceil(plan->step[i].bytes / mib));
  printf("%-10s %8d %10.1f %14.0f   and %.0f MiB on disk\n", "all", plan->ranks, plan->seconds,
         ceil(plan->bytes / mib), ceil(plan->disk_bytes / mib));
  printf("measured in %.0f s on this machine, on simulated shops\n", r->seconds);
}

/* ---- the run ---- */

static clv_status pass_find(const clv_job_context *context, const clv_plan_size *size, double *pass) {
  char         *path = NULL;
  clv_plan_pass found;
  clv_status    st = CLV_OK;
  *pass            = 0.0;
  if (strcmp(size->source, "portfolio") != 0 || size->customers > CUSTOMERS_MEASURED_MOST) return CLV_OK;
  CLV_TRY(clv_config_run_path(context->config, "portfolio.h5", &path));
  CLV_TRY(clv_plan_pass_measure(context->world, path, context->config, &found));
  *pass = found.seconds;
out:
  free(path);
  return st;
}

static clv_status plan_run(const clv_job_context *context) {
  options       asked = {.bytes = BYTES_A_RANK};
  clv_plan_size size  = {0};
  clv_rehearsal rehearsal;
  clv_plan      plan;
  double        pass;
  clv_status    st = CLV_OK;
  if (clv_comm_size(context->world) > 1)
    return clv_fail(CLV_EUSAGE, "clv plan runs alone: leave mpirun or srun out");
  for (int i = 0; i < context->argc; i++) CLV_TRY(option_read(context, &i, &asked));
  size.customers    = asked.customers;
  size.transactions = asked.transactions;
  CLV_TRY(clv_plan_size_find(context->world, context->config, &size));
  if (!context->quiet && !asked.is_quick)
    fprintf(stderr, "plan: measuring on simulated shops, for a minute of one core\n");
  CLV_TRY(clv_rehearse(context->world, context->config, asked.is_quick, &rehearsal));
  CLV_TRY(pass_find(context, &size, &pass));
  clv_plan_size_complete(&rehearsal, &size);
  const int ranks = asked.ranks > 0.0 ? (int)asked.ranks
                                      : clv_plan_ranks(context->config, &rehearsal, &size, pass, asked.bytes);
  clv_plan_estimate(context->config, &rehearsal, &size, pass, ranks, &plan);
  if (asked.is_json)
    CLV_TRY(json_show(context->config, &size, &rehearsal, &plan));
  else
    table_show(context->config, &size, &rehearsal, &plan);
out:
  return st;
}

const clv_job CLV_JOB_PLAN = {
    .name    = "plan",
    .summary = "memory, seconds and ranks that the steps are expected to take",
    .usage =
        "Runs alone. Measures this machine on simulated shops, then scales to the run directory's "
        "portfolio.h5, or\n"
        "to the log's size, or to the numbers given.\n\n"
        "  --customers N, --transactions M   plan for these instead\n"
        "  --ranks R             plan for R ranks; default: as many as pay\n"
        "  --memory-per-rank S   the most a rank may hold, such as 4G, which is the default\n"
        "  --quick               measure for some seconds only: less exact\n"
        "  --json                for programs\n",
    .needs_config    = true,
    .takes_arguments = true,
    .run             = plan_run,
};
