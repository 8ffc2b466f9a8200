#include "jobs/simulate_options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/lognormal_population.h"
#include "io/nearest.h"

const char CLV_SIMULATE_USAGE[] =
    "  --customers N     how many                                     (10000)\n"
    "  --weeks W         observed                                     (39)\n"
    "  --holdout W       and to be forecast                           (39)\n"
    "  --acquisition W   first purchases are uniform over these       (12)\n"
    "  --model NAME      bg_nbd, mbg_nbd, pareto_nbd, pareto_nbd_lognormal, bg_cnbd_k, mbg_cnbd_k or bg_bb\n"
    "                                                                 (bg_nbd)\n"
    "  --erlang-k K      phases between purchases, of the cnbd models (3)\n"
    "  --r --alpha --a --b   per week; pareto_nbd: r alpha s beta; bg_bb: alpha beta gamma delta (as the "
    "model has)\n"
    "  --mean-log-lambda --mean-log-mu --sd-log-lambda --sd-log-mu --correlation   of pareto_nbd_lognormal\n"
    "                                                                 (-2.5 -4 0.9 1.2 -0.3)\n"
    "  --spend NAME      gamma_gamma, gamma_value or, with pareto_nbd_lognormal, lognormal (gamma_gamma)\n"
    "  --p --q --v       of gamma_gamma                               (6.3 3.6 15)\n"
    "  --shape --mean-amount --sd-log-shape --sd-log-mean --correlation-ratio   of gamma_value\n"
    "                                                                 (2.5 30 0.5 0.5 1)\n"
    "  --mean-log-spend --sd-log-spend --correlation-lambda-spend --correlation-mu-spend --sd-log-amount\n"
    "                    of lognormal                                 (3.3 0.5 0.4 -0.2 0.45)\n"
    "  --segments N      with parameters of their own around these    (1)\n"
    "  --tau T           standard deviation between segments          (0.4)\n"
    "  --unevenness E    segment k has a share of customers ~ k^-E    (1.5)\n"
    "  --covariates      customers have an age, a club card and a channel that act on them\n"
    "  --gamma-purchases A,C,P,W   of a year of age, the club, the channels phone and web\n"
    "  --gamma-dropout, --gamma-spend   the same (.01,.4,-.3,.5  -.01,-.5,.2,.3  .005,.2,.1,-.1)\n"
    "  --start DATE      first day of the log                         (1997-01-01)\n"
    "  --seed S          names the random numbers                     (1)\n"
    "  --output DIR      where log, truth and clv.yaml go             (simulated)\n"
    "  --files N         cut the log into so many files               (1)\n"
    "  --gzip            compressed, .csv.gz\n"
    "  --continuous      date-times to the second instead of dates\n";

typedef enum kind { REAL, WHOLE, FLAG, TEXT, DATE, GAMMAS } kind;

typedef struct option {
  const char *name;
  kind        kind;
  size_t      offset;
  double      least, most;
} option;

#define AT(member) offsetof(clv_simulate_options, member)

static const option OPTION[] = {
    {"--customers", WHOLE, AT(customers), 1, 1e11},
    {"--files", WHOLE, AT(files), 1, 100000},
    {"--seed", WHOLE, AT(shop.seed), 0, 9e15},
    {"--weeks", REAL, AT(shop.weeks), 0.1, 5000},
    {"--holdout", REAL, AT(shop.holdout), 0, 5000},
    {"--acquisition", REAL, AT(shop.acquisition), 0, 5000},
    {"--model", TEXT, AT(model_name), 0, 0},
    {"--erlang-k", WHOLE, AT(phases), 1, 12},
    {"--r", REAL, AT(given[0]), 1e-3, 1e3},
    {"--alpha", REAL, AT(given[1]), 1e-3, 1e6},
    {"--a", REAL, AT(given[2]), 1e-3, 1e3},
    {"--b", REAL, AT(given[3]), 1e-3, 1e3},
    {"--s", REAL, AT(given[4]), 1e-3, 1e3},
    {"--beta", REAL, AT(given[5]), 1e-3, 1e6},
    {"--gamma", REAL, AT(given[6]), 1e-3, 1e3},
    {"--delta", REAL, AT(given[7]), 1e-3, 1e3},
    {"--mean-log-lambda", REAL, AT(given[8]), -15, 5},
    {"--mean-log-mu", REAL, AT(given[9]), -15, 5},
    {"--sd-log-lambda", REAL, AT(given[10]), 1e-3, 5},
    {"--sd-log-mu", REAL, AT(given[11]), 1e-3, 5},
    {"--correlation", REAL, AT(given[12]), -0.99, 0.99},
    {"--spend", TEXT, AT(spend_name), 0, 0},
    {"--p", REAL, AT(given[13]), 1e-3, 1e3},
    {"--q", REAL, AT(given[14]), 1e-3, 1e3},
    {"--v", REAL, AT(given[15]), 1e-6, 1e9},
    {"--shape", REAL, AT(given[16]), 1e-2, 1e4},
    {"--mean-amount", REAL, AT(given[17]), 1e-2, 1e9},
    {"--sd-log-shape", REAL, AT(given[18]), 1e-3, 3},
    {"--sd-log-mean", REAL, AT(given[19]), 1e-3, 3},
    {"--correlation-ratio", REAL, AT(given[20]), 1e-2, 1e2},
    {"--mean-log-spend", REAL, AT(given[21]), -10, 20},
    {"--sd-log-spend", REAL, AT(given[22]), 1e-3, 5},
    {"--correlation-lambda-spend", REAL, AT(given[23]), -0.99, 0.99},
    {"--correlation-mu-spend", REAL, AT(given[24]), -0.99, 0.99},
    {"--sd-log-amount", REAL, AT(given[25]), 1e-3, 5},
    {"--start", DATE, AT(start), 0, 0},
    {"--output", TEXT, AT(output), 0, 0},
    {"--gzip", FLAG, AT(gzip), 0, 0},
    {"--continuous", FLAG, AT(continuous), 0, 0},
    {"--covariates", FLAG, AT(covariates), 0, 0},
    {"--gamma-purchases", GAMMAS, AT(effects.gamma[CLV_ON_PURCHASES]), -5, 5},
    {"--gamma-dropout", GAMMAS, AT(effects.gamma[CLV_ON_DROPOUT]), -5, 5},
    {"--gamma-spend", GAMMAS, AT(effects.gamma[CLV_ON_SPEND]), -5, 5},
    {"--segments", WHOLE, AT(segments), 1, 65536},
    {"--tau", REAL, AT(tau), 0, 10},
    {"--unevenness", REAL, AT(unevenness), 0, 10},
};
enum { N_OPTION = sizeof OPTION / sizeof *OPTION };

/* Civil calendar by eras of 400 years that begin in March (Hinnant, chrono-compatible low-level date
 * algorithms). */
static int64_t date_to_day(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void clv_day_to_date(int64_t day, int *year, int *month, int *day_of_month) {
  const int64_t shifted = day + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t of_era  = shifted - era * 146097;
  const int64_t y       = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
  *day_of_month = (int)(of_year - (153 * m + 2) / 5 + 1);
  *month        = (int)(m < 10 ? m + 3 : m - 9);
  *year         = (int)(y + era * 400 + (*month <= 2));
}

static clv_status date_read(const char *text, int64_t *out) {
  int  year, month, day, back[3];
  char end;
  if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &end) == 3 && year >= 1) {
    *out = date_to_day(year, month, day);
    clv_day_to_date(*out, &back[0], &back[1], &back[2]);
    if (back[0] == year && back[1] == month && back[2] == day) return CLV_OK;
  }
  return clv_fail(CLV_EUSAGE, "--start: '%.40s' is no date; write it as 1997-01-01", text);
}

static clv_status number_read(const option *o, const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  if (end == text || *end != '\0' || !(*out >= o->least && *out <= o->most) ||
      (o->kind == WHOLE && *out != floor(*out)))
    return clv_fail(CLV_EUSAGE, "%s: '%.40s' is no %s from %g to %g", o->name, text,
                    o->kind == WHOLE ? "whole number" : "number", o->least, o->most);
  return CLV_OK;
}

/* One coefficient for each column, parted by commas. */
static clv_status gammas_read(const option *o, const char *text, double gamma[CLV_TRAITS_COLUMNS]) {
  const char *at = text;
  for (size_t k = 0; k < CLV_TRAITS_COLUMNS; k++) {
    char *end;
    gamma[k]        = strtod(at, &end);
    const char stop = k + 1 < CLV_TRAITS_COLUMNS ? ',' : '\0';
    if (end == at || *end != stop || !(gamma[k] >= o->least && gamma[k] <= o->most))
      return clv_fail(CLV_EUSAGE,
                      "%s: '%.80s' is no list of %d numbers from %g to %g, for %s, %s, %s and %s, such as "
                      "0.01,0.4,-0.3,0.5",
                      o->name, text, CLV_TRAITS_COLUMNS, o->least, o->most, CLV_TRAITS_COLUMN[0],
                      CLV_TRAITS_COLUMN[1], CLV_TRAITS_COLUMN[2], CLV_TRAITS_COLUMN[3]);
    at = end + 1;
  }
  return CLV_OK;
}

static clv_status value_read(const option *o, const char *text, clv_simulate_options *out) {
  void      *to = (char *)out + o->offset;
  double     number;
  clv_status st = CLV_OK;
  if (o->kind == TEXT) {
    *(const char **)to = text;
    return text[0] != '\0' ? CLV_OK : clv_fail(CLV_EUSAGE, "%s: a folder's name is missing", o->name);
  }
  if (o->kind == DATE) return date_read(text, to);
  if (o->kind == GAMMAS) {
    out->covariates = true;
    return gammas_read(o, text, to);
  }
  CLV_TRY(number_read(o, text, &number));
  if (o->kind == WHOLE)
    *(uint64_t *)to = (uint64_t)number;
  else
    *(double *)to = number;
out:
  return st;
}

static clv_status unknown(const char *text) {
  clv_nearest near = clv_nearest_begin(text);
  for (size_t i = 0; i < N_OPTION; i++) clv_nearest_offer(&near, OPTION[i].name);
  return clv_fail(CLV_EUSAGE, "clv simulate does not know '%.64s'%s%s; clv simulate --help lists the options",
                  text, near.name != NULL ? "; did you mean " : "", near.name != NULL ? near.name : "");
}

static clv_status model_find(clv_simulate_options *o) {
  size_t                n     = 0;
  const clv_shop_model *model = clv_shop_models(&n);
  clv_nearest           near  = clv_nearest_begin(o->model_name);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(model[i].name, o->model_name) == 0) o->shop.model = &model[i];
    clv_nearest_offer(&near, model[i].name);
  }
  if (o->shop.model != NULL) return CLV_OK;
  return clv_fail(
      CLV_EUSAGE, "--model: '%.64s' cannot be simulated%s%s; clv simulate --help lists the models",
      o->model_name, near.name != NULL ? "; did you mean " : "", near.name != NULL ? near.name : "");
}

static clv_status spend_find(clv_simulate_options *o) {
  size_t                n     = 0;
  const clv_shop_spend *spend = clv_shop_spends(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(spend[i].name, o->spend_name) == 0) o->shop.spend = &spend[i];
  if (o->shop.spend != NULL) return CLV_OK;
  return clv_fail(CLV_EUSAGE,
                  "--spend: '%.64s' cannot be simulated; it is gamma_gamma, gamma_value or lognormal",
                  o->spend_name);
}

/* A model's parameter by the name of its option, which has dashes. */
static bool is_parameter(const char *name, const char *text) {
  for (; *name != '\0' && (*name == *text || (*name == '_' && *text == '-')); name++) text++;
  return *name == '\0' && *text == '\0';
}

/* Of the parameters the one that an option names; CLV_SHOP_PARAMETERS where none is. */
static size_t parameter_find(const char *const *parameter, const char *name) {
  const size_t n = clv_shop_n_parameter(parameter);
  size_t       k = 0;
  while (k < n && !is_parameter(parameter[k], name + 2)) k++;
  return k < n ? k : CLV_SHOP_PARAMETERS;
}

static void parameters_list(const char *const *parameter, char *list, size_t size) {
  size_t used = 0;
  for (size_t k = 0; k < clv_shop_n_parameter(parameter); k++)
    used += (size_t)snprintf(list + used, size - used, " --%s", parameter[k]);
  for (size_t i = 0; i < used; i++)
    if (list[i] == '_') list[i] = '-';
}

static clv_status parameter_refuse(const clv_shop *shop, const char *given) {
  char buying[256] = "", spending[256] = "";
  parameters_list(shop->model->parameter, buying, sizeof buying);
  parameters_list(shop->spend->parameter, spending, sizeof spending);
  return clv_fail(CLV_EUSAGE, "%s is no parameter of %s, which has%s, nor of %s, which has%s", given,
                  shop->model->name, buying, shop->spend->name, spending);
}

/* The models' parameters: as given, or the usual ones; other models' are refused. */
static clv_status parameters_take(clv_simulate_options *o) {
  clv_shop *shop = &o->shop;
  memcpy(shop->theta, shop->model->usual, sizeof shop->theta);
  memcpy(shop->money, shop->spend->usual, sizeof shop->money);
  for (size_t i = 0; i < N_OPTION; i++) {
    if (OPTION[i].offset < AT(given) || OPTION[i].offset >= AT(given[CLV_SIMULATE_PARAMETERS])) continue;
    const double value    = o->given[(OPTION[i].offset - AT(given)) / sizeof *o->given];
    const size_t buying   = parameter_find(shop->model->parameter, OPTION[i].name),
                 spending = parameter_find(shop->spend->parameter, OPTION[i].name);
    if (isnan(value)) continue;
    if (buying == CLV_SHOP_PARAMETERS && spending == CLV_SHOP_PARAMETERS)
      return parameter_refuse(shop, OPTION[i].name);
    if (buying < CLV_SHOP_PARAMETERS)
      shop->theta[buying] = value;
    else
      shop->money[spending] = value;
  }
  return CLV_OK;
}

/* Where spend is a third dimension there have to be two, and correlations that three quantities can have. */
static clv_status dimensions_check(const clv_shop *shop) {
  clv_lognormal_point at;
  double              theta[CLV_LOGNORMAL_PARAMETERS];
  if (!shop->spend->is_dimension) return CLV_OK;
  if (shop->model->spread != CLV_SPREAD_LOGNORMAL)
    return clv_fail(CLV_EUSAGE, "--spend: %s goes with --model pareto_nbd_lognormal, not with %s",
                    shop->spend->name, shop->model->name);
  clv_shop_dimensions(shop, theta);
  if (clv_lognormal_population_of_values(3, theta, &at)) return CLV_OK;
  return clv_fail(
      CLV_EUSAGE,
      "--correlation, --correlation-lambda-spend, --correlation-mu-spend: three quantities cannot "
      "have correlations of %g, %g and %g",
      theta[6], theta[7], theta[8]);
}

/* Opportunities are calendar weeks: the shop opens on a Monday and counts whole weeks. */
static clv_status weeks_align(clv_simulate_options *o) {
  if (o->shop.model->leaving != CLV_LEAVE_AT_OPPORTUNITY) return CLV_OK;
  if (floor(o->shop.weeks) != o->shop.weeks || floor(o->shop.holdout) != o->shop.holdout)
    return clv_fail(CLV_EUSAGE, "--weeks %g, --holdout %g: %s counts whole weeks", o->shop.weeks,
                    o->shop.holdout, o->shop.model->name);
  o->start -= ((o->start + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
  return CLV_OK;
}

static clv_status model_settle(clv_simulate_options *o) {
  clv_status st = CLV_OK;
  CLV_TRY(model_find(o));
  CLV_TRY(spend_find(o));
  CLV_TRY(parameters_take(o));
  CLV_TRY(dimensions_check(&o->shop));
  o->shop.phases = o->shop.model->has_phases ? (int)o->phases : 1;
  CLV_TRY(weeks_align(o));
out:
  return st;
}

clv_status clv_simulate_options_read(int argc, char **argv, clv_simulate_options *out) {
  clv_simulate_options made = {
      .shop       = {.acquisition = 12.0, .weeks = 39.0, .holdout = 39.0, .seed = 1},
      .customers  = 10000,
      .files      = 1,
      .segments   = 1,
      .tau        = 0.4,
      .unevenness = 1.5,
      .start      = date_to_day(1997, 1, 1),
      .output     = "simulated",
      .model_name = "bg_nbd",
      .spend_name = "gamma_gamma",
      .effects    = {{{0.01, 0.4, -0.3, 0.5}, {-0.01, -0.5, 0.2, 0.3}, {0.005, 0.2, 0.1, -0.1}}},
      .phases     = 3};
  for (size_t k = 0; k < CLV_SIMULATE_PARAMETERS; k++) made.given[k] = NAN;
  clv_status st = CLV_OK;
  for (int i = 0; i < argc; i++) {
    const option *o = NULL;
    for (size_t k = 0; k < N_OPTION; k++)
      if (strcmp(argv[i], OPTION[k].name) == 0) o = &OPTION[k];
    if (o == NULL) return unknown(argv[i]);
    if (o->kind == FLAG) {
      *(bool *)((char *)&made + o->offset) = true;
      continue;
    }
    if (i + 1 == argc)
      return clv_fail(CLV_EUSAGE, "%s wants a value; clv simulate --help lists the options", o->name);
    CLV_TRY(value_read(o, argv[++i], &made));
  }
  if (made.shop.acquisition > made.shop.weeks)
    CLV_TRY(clv_fail(CLV_EUSAGE,
                     "--acquisition %g is longer than --weeks %g: some customers would never be seen",
                     made.shop.acquisition, made.shop.weeks));
  CLV_TRY(model_settle(&made));
  *out = made;
out:
  return st;
}
