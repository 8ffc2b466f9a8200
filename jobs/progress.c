#include "jobs/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_MOST = 512, BAR_WIDTH = 24, TENTHS = 10 };
static const double FIRST_LINE = 60.0, SILENCE_MOST = 600.0;

struct clv_progress {
  clv_progress_view view;
  bool              is_root, is_silent, is_terminal, is_drawn, is_finished;
  double            start, last; /* seconds of clv_clock */
  uint64_t          tenth;       /* last tenth that a log line named */
};

static int duration_format(double seconds, char *text, size_t size) {
  const long s = lround(fmin(fmax(seconds, 0.0), 3.6e8));
  if (s < 60) return snprintf(text, size, "%lds", s);
  if (s < 3600) return snprintf(text, size, "%ldm%02lds", s / 60, s % 60);
  return snprintf(text, size, "%ldh%02ldm", s / 3600, s / 60 % 60);
}

/** Append like printf; what does not fit is left out whole, so that a line is never cut inside a number. */
static void __attribute__((format(printf, 3, 4))) append(char *text, size_t room, const char *format, ...) {
  char    part[128];
  va_list args;
  va_start(args, format);
  vsnprintf(part, sizeof part, format, args);
  va_end(args);
  const size_t used = strlen(text), more = strlen(part);
  if (used + more < room) memcpy(text + used, part, more + 1);
}

static void bar_append(const clv_progress_view *v, char *text, size_t room) {
  char         bar[BAR_WIDTH + 1];
  const size_t full = (size_t)(v->done * BAR_WIDTH / v->total);
  for (size_t i = 0; i < BAR_WIDTH; i++) bar[i] = i < full ? '#' : '.';
  bar[BAR_WIDTH] = '\0';
  append(text, room, " [%s]", bar);
}

void clv_progress_format(const clv_progress_view *view, char *text, size_t size) {
  clv_progress_view v    = *view;
  const size_t      room = v.width + 1 < size ? v.width + 1 : size;
  char              left[32];
  if (v.total > 0 && v.done > v.total) v.done = v.total;
  text[0] = '\0';
  append(text, room, "%.32s", v.label);
  if (v.total > 0 && v.has_bar) bar_append(&v, text, room);
  if (v.total > 0)
    append(text, room, " %3.0f%% %" PRIu64 "/%" PRIu64, 100.0 * (double)v.done / (double)v.total, v.done,
           v.total);
  else
    append(text, room, " %" PRIu64, v.done);
  if (v.total > 0 && v.done > 0 && v.done < v.total) {
    duration_format(v.seconds * (double)(v.total - v.done) / (double)v.done, left, sizeof left);
    append(text, room, ", %s left", left);
  } else {
    duration_format(v.seconds, left, sizeof left);
    append(text, room, ", %s", left);
  }
  if (v.facts.is_sampling)
    append(text, room, ", %" PRIu64 " divergence%s", v.facts.divergences,
           v.facts.divergences == 1 ? "" : "s");
  if (!isnan(v.facts.step_size)) append(text, room, ", step %.3g", v.facts.step_size);
  if (!isnan(v.facts.ess)) append(text, room, ", ESS %.0f", v.facts.ess);
}

static uint64_t tenth_of(const clv_progress_view *v) {
  return v->total == 0 ? 0 : (uint64_t)((double)TENTHS * (double)v->done / (double)v->total);
}

bool clv_progress_is_due(const clv_progress_view *view, uint64_t tenth, double silent) {
  const uint64_t now = tenth_of(view);
  if (view->done == 0 || now >= TENTHS) return false; /* the last line is clv_progress_finish's */
  return now > tenth || silent >= (silent < view->seconds ? SILENCE_MOST : FIRST_LINE);
}

static size_t terminal_width(void) {
  struct winsize size = {0};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 79;
  return (size_t)size.ws_col - 1; /* the last column would wrap on some terminals */
}

clv_status clv_progress_new(const clv_comm *comm, const char *label, uint64_t total, bool quiet,
                            clv_progress **out) {
  void            *memory = NULL;
  const char      *term   = getenv("TERM");
  const clv_status st     = clv_calloc(1, sizeof(clv_progress), &memory);
  if (st < 0) return st;
  clv_progress *self = memory;
  self->view = (clv_progress_view){.label = label, .total = total, .facts = {.step_size = NAN, .ess = NAN}};
  self->is_root     = clv_comm_rank(comm) == 0;
  self->is_silent   = quiet || !self->is_root;
  self->is_terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
  self->start       = clv_clock();
  self->last        = self->start;
  *out              = self;
  return CLV_OK;
}

static void line_draw(clv_progress *self, double now) {
  char text[LINE_MOST];
  self->view.seconds = now - self->start;
  self->view.has_bar = self->is_terminal;
  self->view.width   = self->is_terminal ? terminal_width() : LINE_MOST - 1;
  clv_progress_format(&self->view, text, sizeof text);
  if (self->is_terminal)
    fprintf(stderr, "\r%-*s", (int)self->view.width, text); /* blanks wipe a longer old line */
  else
    fprintf(stderr, "%s\n", text);
  fflush(stderr);
  self->is_drawn = self->is_terminal;
  self->last     = now;
}

void clv_progress_update(clv_progress *self, uint64_t done, const clv_progress_facts *facts) {
  if (self->is_silent || self->is_finished) return;
  const double now = clv_clock(), silent = now - self->last;
  self->view.done    = done;
  self->view.seconds = now - self->start;
  if (facts != NULL) self->view.facts = *facts;
  if (self->is_terminal ? silent < 0.2 : !clv_progress_is_due(&self->view, self->tenth, silent)) return;
  self->tenth = tenth_of(&self->view);
  line_draw(self, now);
}

void clv_progress_tell(clv_progress *self, uint64_t done, const clv_progress_facts *facts) {
  if (!self->is_root || self->is_finished) return;
  self->view.done = done;
  if (facts != NULL) self->view.facts = *facts;
  line_draw(self, clv_clock());
  if (self->is_drawn) fputc('\n', stderr);
  self->is_drawn = false;
}

void clv_progress_finish(clv_progress *self) {
  if (self->is_silent || self->is_finished) return;
  self->is_finished = true;
  if (self->view.total > 0) self->view.done = self->view.total;
  line_draw(self, clv_clock());
  if (self->is_drawn) fputc('\n', stderr);
  self->is_drawn = false;
}

void clv_progress_free(clv_progress **self) {
  if (*self != NULL && (*self)->is_drawn) fputc('\n', stderr);
  free(*self);
  *self = NULL;
}
