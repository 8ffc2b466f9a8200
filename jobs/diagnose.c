#include "jobs/diagnose.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/posterior/diagnostics.h"
#include "io/files.h"
#include "io/trace.h"

/* Betancourt 2016: below this the energy is explored too slowly for the tails to be trusted. */
static const double E_BFMI_LEAST = 0.3;

/* Variables over more segments than this are shown by the worst few; diagnostics.json has all. */
enum { SEGMENTS_SHOWN = 12, WORST_SHOWN = 3 };

/* A reported value, such as alpha[north], and its statistics. */
typedef struct line {
  char        name[2 * CLV_TRACE_NAME_MAX];
  clv_summary summary;
  size_t      k, length; /* this is value k of a variable that has `length` */
} line;

typedef struct verdict {
  line   *line;                          /* owned [n_line] */
  size_t  n_line, worst_ess, worst_rhat; /* lines */
  double  least_ess, most_rhat;
  size_t  n_divergent, n_deep, n_draw;
  int64_t n_steps; /* gradients after the warm-up, all chains */
  double *e_bfmi;  /* owned [n_chain] */
  size_t  n_chain;
  char    digest[65];
} verdict;

static void verdict_free(verdict *v) {
  free(v->line);
  free(v->e_bfmi);
}

static void line_name(line *to, const clv_trace_variable *variable, size_t k) {
  if (variable->dimension[0] == '\0')
    snprintf(to->name, sizeof to->name, "%s", variable->name);
  else if (variable->label != NULL)
    snprintf(to->name, sizeof to->name, "%s[%.60s]", variable->name, variable->label[k]);
  else
    snprintf(to->name, sizeof to->name, "%s[%zu]", variable->name, k);
}

static void lines_fill(verdict *v, const clv_draws *draws) {
  for (size_t i = 0, at = 0; i < draws->n_variable; i++)
    for (size_t k = 0; k < draws->variable[i].length; k++, at++) {
      const clv_series series = {.data         = draws->value + at,
                                 .n_chain      = draws->n_chain,
                                 .n_draw       = draws->n_draw,
                                 .chain_stride = draws->n_draw * draws->n_value,
                                 .draw_stride  = draws->n_value};
      line_name(&v->line[at], &draws->variable[i], k);
      v->line[at].k = k, v->line[at].length = draws->variable[i].length;
      (void)clv_summarise(&series, &v->line[at].summary);
    }
}

/* An undefined statistic (a constant, too few draws) is the worst there is. */
static double ess_of(const clv_summary *s) {
  return isnan(s->ess_bulk) || isnan(s->ess_tail) ? 0.0 : fmin(s->ess_bulk, s->ess_tail);
}

static double rhat_of(const clv_summary *s) { return isnan(s->r_hat) ? (double)INFINITY : s->r_hat; }

static void worst_find(verdict *v) {
  v->least_ess = INFINITY;
  v->most_rhat = 0.0;
  for (size_t i = 0; i < v->n_line; i++) {
    const double ess = ess_of(&v->line[i].summary), rhat = rhat_of(&v->line[i].summary);
    if (ess < v->least_ess) v->least_ess = ess, v->worst_ess = i;
    if (rhat > v->most_rhat) v->most_rhat = rhat, v->worst_rhat = i;
  }
}

static clv_status chains_look(verdict *v, const clv_draws *draws) {
  double    *energy = NULL;
  clv_status st     = CLV_OK;
  CLV_TRY(clv_alloc(draws->n_draw + 1, sizeof *energy, (void **)&energy));
  CLV_TRY(clv_calloc(draws->n_chain, sizeof *v->e_bfmi, (void **)&v->e_bfmi));
  for (size_t c = 0; c < draws->n_chain; c++) {
    for (size_t d = 0; d < draws->n_draw; d++) {
      const clv_trace_stat *stat = &draws->stat[c * draws->n_draw + d];
      energy[d]                  = stat->energy;
      v->n_steps += stat->n_steps;
      v->n_divergent += stat->diverging != 0;
      v->n_deep += stat->reached_max_treedepth != 0;
    }
    v->e_bfmi[c] = clv_e_bfmi(energy, draws->n_draw);
  }
out:
  free(energy);
  return st;
}

static clv_status verdict_make(const clv_draws *draws, verdict *v) {
  clv_digest digest;
  clv_status st = CLV_OK;
  v->n_line = draws->n_value, v->n_chain = draws->n_chain, v->n_draw = draws->n_draw;
  CLV_TRY(clv_calloc(v->n_line, sizeof *v->line, (void **)&v->line));
  lines_fill(v, draws);
  worst_find(v);
  CLV_TRY(chains_look(v, draws));
  /* of the bytes of all draws, chain by chain: what "the same bits" is checked with */
  CLV_TRY(clv_bytes_digest(draws->value,
                           draws->n_chain * draws->n_draw * draws->n_value * sizeof *draws->value, &digest));
  memcpy(v->digest, digest.hex, sizeof v->digest);
out:
  return st;
}

/* ---- what the user sees ---- */

static void line_print(const line *l, int width) {
  const clv_summary *s = &l->summary;
  printf("%-*s %11.5g %10.4g %11.5g %11.5g %11.5g %9.3g %9.0f %9.0f %7.4f\n", width, l->name, s->mean, s->sd,
         s->q05, s->q50, s->q95, s->mcse_mean, s->ess_bulk, s->ess_tail, s->r_hat);
}

/* How many values of the line's variable are worse in ESS; ties go by place. */
static size_t line_rank(const line *of, const line *l) {
  size_t worse = 0;
  for (size_t k = 0; k < of->length; k++) {
    const double other = ess_of(&of[k].summary), mine = ess_of(&l->summary);
    worse += other < mine || (!(other > mine) && k < l->k);
  }
  return worse;
}

/* Whether the table shows the line: of a variable over many segments only those with the least ESS. */
static bool line_is_shown(const line *l) {
  return l->length <= SEGMENTS_SHOWN || line_rank(l - l->k, l) < WORST_SHOWN;
}

/* What there is to say of the values that are not shown, behind the variable's last one. */
static void rest_print(const line *last) {
  const line *first = last - last->k;
  double      least = INFINITY, most = 0.0;
  if (last->length <= SEGMENTS_SHOWN || last->k + 1 < last->length) return;
  for (const line *l = first; l <= last; l++) {
    if (line_is_shown(l)) continue;
    least = fmin(least, ess_of(&l->summary));
    most  = fmax(most, rhat_of(&l->summary));
  }
  printf("  %.*s of %zu more: ESS at least %.0f, R-hat at most %.4f\n", (int)strcspn(first->name, "["),
         first->name, last->length - WORST_SHOWN, least, most);
}

static void table_print(const verdict *v) {
  size_t width = 9;
  for (size_t i = 0; i < v->n_line; i++)
    if (line_is_shown(&v->line[i]) && strlen(v->line[i].name) > width) width = strlen(v->line[i].name);
  printf("%-*s %11s %10s %11s %11s %11s %9s %9s %9s %7s\n", (int)width, "parameter", "mean", "sd", "5 %",
         "50 %", "95 %", "MCSE", "bulk-ESS", "tail-ESS", "R-hat");
  for (size_t i = 0; i < v->n_line; i++) {
    if (line_is_shown(&v->line[i])) line_print(&v->line[i], (int)width);
    rest_print(&v->line[i]);
  }
  double least = INFINITY;
  for (size_t c = 0; c < v->n_chain; c++) least = fmin(least, v->e_bfmi[c]);
  printf(
      "%zu chains of %zu draws: %zu divergent, %zu at the largest tree depth, least E-BFMI %.2f, "
      "%.1f gradients a draw\n",
      v->n_chain, v->n_draw, v->n_divergent, v->n_deep, least,
      (double)v->n_steps / (double)(v->n_chain * v->n_draw));
  printf("draws sha256 %s\n", v->digest);
}

/* JSON knows no NaN. */
static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *line_json(const clv_summary *s) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "mean", number_or_null(s->mean),
                   "sd", number_or_null(s->sd), "q05", number_or_null(s->q05), "q50", number_or_null(s->q50),
                   "q95", number_or_null(s->q95), "mcse_mean", number_or_null(s->mcse_mean), "mcse_sd",
                   number_or_null(s->mcse_sd), "ess_bulk", number_or_null(s->ess_bulk), "ess_tail",
                   number_or_null(s->ess_tail), "r_hat", number_or_null(s->r_hat));
}

static bool is_converged(const verdict *v, const clv_config *config) {
  return v->least_ess >= config->diagnostics.min_ess && v->most_rhat <= config->diagnostics.max_rhat;
}

static clv_status json_write(const verdict *v, const clv_config *config, const char *path) {
  json_t *parameters = json_object(), *e_bfmi = json_array();
  for (size_t i = 0; i < v->n_line; i++)
    json_object_set_new(parameters, v->line[i].name, line_json(&v->line[i].summary));
  for (size_t c = 0; c < v->n_chain; c++) json_array_append_new(e_bfmi, number_or_null(v->e_bfmi[c]));
  json_t *root  = json_pack("{s:b, s:o, s:o, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:o}", "converged",
                            is_converged(v, config), "least_ess", number_or_null(v->least_ess), "most_rhat",
                            number_or_null(v->most_rhat), "min_ess", config->diagnostics.min_ess, "max_rhat",
                            config->diagnostics.max_rhat, "chains", (json_int_t)v->n_chain, "draws",
                            (json_int_t)v->n_draw, "divergent", (json_int_t)v->n_divergent,
                            "at_max_tree_depth", (json_int_t)v->n_deep, "gradients", (json_int_t)v->n_steps,
                            "e_bfmi", e_bfmi, "draws_sha256", v->digest, "parameters", parameters);
  char   *text  = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  clv_status st = text == NULL ? clv_fail(CLV_ENOMEM, "no memory for '%s'", path)
                               : clv_file_write(path, text, strlen(text));
  free(text);
  json_decref(root);
  return st;
}

/* Why, and what to do about it, in one sentence. */
static clv_status complain(const verdict *v, const clv_config *config) {
  const char *cure = v->n_divergent > 0 ? "raise sampler.target_accept (0.95)"
                                        : "raise sampler.num_samples or sampler.num_warmup";
  for (size_t c = 0; c < v->n_chain; c++)
    if (v->n_divergent == 0 && v->e_bfmi[c] < E_BFMI_LEAST)
      cure = "raise sampler.num_warmup and look at the priors (low E-BFMI)";
  if (v->most_rhat > config->diagnostics.max_rhat)
    return clv_fail(CLV_ECONVERGE, "not converged: R-hat of %s is %.4g, above diagnostics.max_rhat %.4g; %s",
                    v->line[v->worst_rhat].name, v->most_rhat, config->diagnostics.max_rhat, cure);
  return clv_fail(CLV_ECONVERGE, "not converged: %s has an ESS of %.0f, below diagnostics.min_ess %.0f; %s",
                  v->line[v->worst_ess].name, v->least_ess, config->diagnostics.min_ess, cure);
}

static clv_status diagnose_root(const clv_draws *draws, const clv_config *config, const char *path) {
  verdict    v  = {0};
  clv_status st = CLV_OK;
  CLV_TRY(verdict_make(draws, &v));
  table_print(&v);
  CLV_TRY(json_write(&v, config, path));
  if (!is_converged(&v, config)) st = complain(&v, config);
out:
  verdict_free(&v);
  return st;
}

static clv_status diagnose_run(const clv_job_context *context) {
  clv_draws *draws = NULL;
  char      *trace = NULL, *json = NULL;
  clv_status st = clv_config_run_path(context->config, "trace.nc", &trace);
  if (st == CLV_OK) st = clv_config_run_path(context->config, "diagnostics.json", &json);
  CLV_TRY(clv_comm_agree(context->world, st));
  CLV_TRY(clv_draws_read(context->world, trace, true, &draws));
  CLV_TRY(clv_comm_agree(context->world, clv_comm_rank(context->world) == 0
                                             ? diagnose_root(draws, context->config, json)
                                             : CLV_OK));
out:
  clv_draws_free(&draws);
  free(trace);
  free(json);
  return st;
}

const clv_job CLV_JOB_DIAGNOSE = {
    .name         = "diagnose",
    .summary      = "may the posterior be trusted? R-hat, ESS, divergences: diagnostics.json",
    .needs_config = true,
    .run          = diagnose_run,
};
