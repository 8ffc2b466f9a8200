#include "jobs/rehearsal.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/child.h"
#include "jobs/plan_pass.h"

/* Large enough that slopes stand out of what any process needs; small enough to be quick. */
static const int CUSTOMERS[CLV_REHEARSAL_SHOPS] = {20000, 60000, 300000};

enum { WARMUP = 150, SETS_MOST = 96, PATH_MOST = 4096, NAME_MOST = 64 };
static const double SMALL_SECONDS_MOST = 20.0, PREDICT_SECONDS_MOST = 8.0;

static const char *const WARM_UP[] = {"sampler.num_samples=1", NULL};

/* Of --quick: the shops are so much smaller. */
enum { QUICK = 8 };

/* What of the user's configuration decides the cost. */
static const char *const SECTION[] = {
    "model", "sampler", "predict", "diagnostics", "data.time_unit", "data.merge_unit", "data.rescale_factor"};

typedef struct rehearsal {
  const clv_comm   *world;
  const clv_config *config;
  clv_rehearsal    *result;
  int               shrink;
  char              folder[PATH_MOST], log[PATH_MOST + NAME_MOST];
  char             *lines; /* owned: the user's settings, cut into key=value */
  char              own[2][NAME_MOST];
  const char       *set[SETS_MOST]; /* borrowed from lines and own */
  size_t            n_set;
} rehearsal;

/* One shop's places. */
typedef struct place {
  char shop[PATH_MOST + NAME_MOST], yaml[PATH_MOST + 2 * NAME_MOST], run[PATH_MOST + 2 * NAME_MOST];
  char directory[PATH_MOST + 2 * NAME_MOST]; /* output.directory=… */
} place;

static int file_remove(const char *path, const struct stat *facts, int kind, struct FTW *at) {
  (void)facts, (void)kind, (void)at;
  (void)remove(path);
  return 0;
}

static clv_status folder_make(rehearsal *r) {
  const char *base = getenv("TMPDIR");
  char        path[PATH_MOST];
  if (base == NULL || *base == '\0' || strlen(base) > PATH_MOST / 2) base = "/tmp";
  snprintf(path, sizeof path, "%s/clv-plan-XXXXXX", base);
  if (mkdtemp(path) == NULL)
    return clv_fail(CLV_EUSAGE, "cannot make a folder in '%.400s': %s; set TMPDIR to another place", base,
                    strerror(errno));
  memcpy(r->folder, path, sizeof path);
  snprintf(r->log, sizeof r->log, "%s/log", r->folder);
  return CLV_OK;
}

/* "sampler.seed: 1" becomes "sampler.seed=1"; what the simulated shops do not have is left out. */
static clv_status settings_make(rehearsal *r) {
  const clv_config *c    = r->config;
  char             *rest = NULL;
  clv_status        st   = clv_config_extract(c, SECTION, sizeof SECTION / sizeof *SECTION, &r->lines);
  if (st < 0) return st;
  for (char *line = strtok_r(r->lines, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    char *colon = strstr(line, ": ");
    if (colon == NULL || strncmp(line, "predict.keep_customers", 22) == 0 ||
        strncmp(line, "model.pooling", 13) == 0)
      continue;
    CLV_CHECK(r->n_set + 3 < SETS_MOST);
    *colon = '=';
    memmove(colon + 1, colon + 2, strlen(colon + 2) + 1);
    r->set[r->n_set++] = line;
  }
  const int draws        = (c->predict.draws + c->sampler.num_chains - 1) / c->sampler.num_chains;
  r->result->num_samples = draws < c->sampler.num_samples ? draws : c->sampler.num_samples;
  r->result->num_warmup  = c->sampler.num_warmup < WARMUP ? c->sampler.num_warmup : WARMUP;
  snprintf(r->own[0], NAME_MOST, "sampler.num_warmup=%d", r->result->num_warmup);
  snprintf(r->own[1], NAME_MOST, "sampler.num_samples=%d", r->result->num_samples);
  r->set[r->n_set++] = r->own[0];
  r->set[r->n_set++] = r->own[1];
  return CLV_OK;
}

/* @param more  further settings, ended by NULL; NULL: none */
static clv_status job_run(const rehearsal *r, const place *at, const char *job, const char *const *more,
                          clv_rehearsed *out) {
  const char *argv[2 * SETS_MOST + 16] = {job, at->yaml, "--quiet", "--set", at->directory};
  size_t      n                        = 5;
  for (size_t i = 0; i < r->n_set; i++) argv[n++] = "--set", argv[n++] = r->set[i];
  for (; more != NULL && *more != NULL; more++) argv[n++] = "--set", argv[n++] = *more;
  return clv_child_run(argv, r->log, out);
}

/* A job of little work, which other work on the machine would hide: the quickest of three, or one of --quick.
 */
static clv_status brief_run(const rehearsal *r, const place *at, const char *job, clv_rehearsed *out) {
  enum { TIMES = 3 };
  clv_status st = CLV_OK;
  for (int i = 0; i < (r->shrink > 1 ? 1 : TIMES); i++) {
    clv_rehearsed one;
    CLV_TRY(job_run(r, at, job, NULL, &one));
    if (i == 0 || one.cpu < out->cpu) *out = one;
  }
out:
  return st;
}

/* A child that only starts and ends. */
static clv_status start_measure(const rehearsal *r, clv_rehearsed *out) {
  enum { TIMES = 3 };
  static const char *const NOTHING[] = {"version", NULL};
  clv_status               st        = CLV_OK;
  for (int i = 0; i < TIMES; i++) {
    clv_rehearsed one;
    CLV_TRY(clv_child_run(NOTHING, r->log, &one));
    if (i == 0 || one.cpu < out->cpu) out->cpu = one.cpu, out->bytes = one.bytes;
    if (i == 0 || one.wall < out->wall) out->wall = one.wall;
  }
out:
  return st;
}

static double rows_read(const place *at) {
  char path[sizeof at->run + NAME_MOST];
  snprintf(path, sizeof path, "%s/data_report.json", at->run);
  json_t      *root = json_load_file(path, 0, NULL);
  const double rows = (double)json_integer_value(json_object_get(json_object_get(root, "rows"), "read"));
  json_decref(root);
  return rows;
}

static double run_bytes(const place *at) {
  double         bytes = 0.0;
  DIR           *all   = opendir(at->run);
  struct dirent *one;
  struct stat    facts;
  while (all != NULL && (one = readdir(all)) != NULL)
    if (fstatat(dirfd(all), one->d_name, &facts, 0) == 0 && S_ISREG(facts.st_mode))
      bytes += (double)facts.st_size;
  if (all != NULL) closedir(all);
  return bytes;
}

/* The pass is timed in this process: what a child needs beside it would hide it. After all children: the
 * memory that this process has ever held counts as theirs, for they share it until they become another
 * program. */
static clv_status pass_measure(const rehearsal *r, const place *at, clv_rehearsed_shop *to) {
  const char   *set[SETS_MOST + 1];
  clv_config   *config    = NULL;
  char         *portfolio = NULL;
  clv_plan_pass pass;
  clv_status    st;
  for (size_t i = 0; i < r->n_set; i++) set[i] = r->set[i];
  set[r->n_set] = at->directory;
  CLV_TRY(clv_config_load(r->world, at->yaml, set, r->n_set + 1, &config));
  CLV_TRY(clv_config_run_path(config, "portfolio.h5", &portfolio));
  CLV_TRY(clv_plan_pass_measure(r->world, portfolio, config, &pass));
  to->pass      = pass.seconds;
  to->histories = pass.histories;
out:
  clv_config_free(&config);
  free(portfolio);
  return st;
}

static place place_of(const rehearsal *r, int which) {
  place at;
  snprintf(at.shop, sizeof at.shop, "%s/%d", r->folder, which);
  snprintf(at.yaml, sizeof at.yaml, "%s/clv.yaml", at.shop);
  snprintf(at.run, sizeof at.run, "%s/runs/example", at.shop);
  snprintf(at.directory, sizeof at.directory, "output.directory=%s/runs", at.shop);
  return at;
}

/* How long the forecasts of the large shop may be expected to take: as long as two of the small one's. */
static bool is_brief_shop(const rehearsal *r, int which) {
  const clv_rehearsal *so_far = r->result;
  return which == CLV_REHEARSAL_LARGE &&
         (!so_far->has_middle || so_far->shop[CLV_REHEARSAL_SMALL].predict.cpu > PREDICT_SECONDS_MOST);
}

static clv_status shop_rehearse(const rehearsal *r, int which, clv_rehearsed_shop *to) {
  const bool    is_brief = is_brief_shop(r, which);
  const place   at       = place_of(r, which);
  char          customers[NAME_MOST];
  clv_rehearsed simulated;
  clv_status    st;
  snprintf(customers, sizeof customers, "%d", CUSTOMERS[which] / r->shrink);
  const char *const simulate[] = {"simulate", "--customers", customers, "--output", at.shop, "--quiet", NULL};
  to->customers                = CUSTOMERS[which] / r->shrink;
  CLV_TRY(clv_child_run(simulate, r->log, &simulated));
  CLV_TRY(brief_run(r, &at, "prepare", &to->prepare));
  to->transactions = rows_read(&at);
  CLV_TRY(job_run(r, &at, "fit", is_brief ? WARM_UP : NULL, &to->fit));
  if (is_brief) goto out;
  CLV_TRY(brief_run(r, &at, "diagnose", &to->diagnose));
  CLV_TRY(job_run(r, &at, "predict", NULL, &to->predict));
  to->run_bytes = run_bytes(&at);
out:
  return st;
}

/* What the draws of a fit cost beside its beginning, and draws beside the warm-up: two fits that leave them
 * out. After all else, for they take the place of the fit that forecasts need. */
static clv_status draws_rehearse(const rehearsal *r, int which) {
  static const char *const IDLE[] = {"sampler.num_warmup=0", "sampler.num_samples=1",
                                     "sampler.max_tree_depth=1", NULL};
  const place              at     = place_of(r, which);
  clv_rehearsed_shop      *to     = &r->result->shop[which];
  clv_status               st;
  CLV_TRY(job_run(r, &at, "fit", WARM_UP, &to->fit_warm));
  CLV_TRY(job_run(r, &at, "fit", IDLE, &to->fit_idle));
  CLV_TRY(brief_run(r, &at, "diagnose", &to->diagnose_idle));
out:
  return st;
}

static clv_status evaluate_rehearse(const rehearsal *r, int which) {
  const place at = place_of(r, which);
  return job_run(r, &at, "evaluate", NULL, &r->result->shop[which].evaluate);
}

static double shop_cpu(const clv_rehearsed_shop *shop) {
  return shop->prepare.cpu + shop->fit.cpu + shop->diagnose.cpu + shop->predict.cpu;
}

clv_status clv_rehearse(const clv_comm *world, const clv_config *config, bool is_quick, clv_rehearsal *out) {
  clv_rehearsal result = {0};
  const double  begin  = clv_clock();
  void         *memory = NULL;
  rehearsal    *r      = NULL;
  clv_status    st;
  CLV_TRY(clv_calloc(1, sizeof *r, &memory));
  r         = memory;
  r->world  = world;
  r->config = config;
  r->result = &result;
  r->shrink = is_quick ? QUICK : 1;
  CLV_TRY(folder_make(r));
  CLV_TRY(settings_make(r));
  CLV_TRY(start_measure(r, &result.start));
  CLV_TRY(shop_rehearse(r, CLV_REHEARSAL_SMALL, &result.shop[CLV_REHEARSAL_SMALL]));
  result.has_middle = shop_cpu(&result.shop[CLV_REHEARSAL_SMALL]) < SMALL_SECONDS_MOST;
  if (result.has_middle) CLV_TRY(shop_rehearse(r, CLV_REHEARSAL_MIDDLE, &result.shop[CLV_REHEARSAL_MIDDLE]));
  const int best = result.has_middle ? CLV_REHEARSAL_MIDDLE : CLV_REHEARSAL_SMALL;
  for (int which = 0; config->data.holdout_end != NULL && which <= best; which++)
    CLV_TRY(evaluate_rehearse(r, which));
  CLV_TRY(draws_rehearse(r, best));
  CLV_TRY(shop_rehearse(r, CLV_REHEARSAL_LARGE, &result.shop[CLV_REHEARSAL_LARGE]));
  for (int which = 0; which < CLV_REHEARSAL_SHOPS; which++) {
    const place at = place_of(r, which);
    if (which != CLV_REHEARSAL_MIDDLE || result.has_middle)
      CLV_TRY(pass_measure(r, &at, &result.shop[which]));
  }
  result.seconds = clv_clock() - begin;
  *out           = result;
out:
  if (r != NULL && r->folder[0] != '\0') (void)nftw(r->folder, file_remove, 16, FTW_DEPTH | FTW_PHYS);
  if (r != NULL) free(r->lines);
  free(r);
  return st;
}
