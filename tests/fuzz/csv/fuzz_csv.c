/* libFuzzer harness of the record reader and the field parsers, from memory:
 *   cmake --preset fuzz && cmake --build build/fuzz --target fuzz_csv && build/fuzz/tests/fuzz/csv/fuzz_csv
 * -max_total_time=180 tests/fuzz/csv/corpus The first byte says where a second reader starts: the records
 * from there on must be those of the whole, whatever the bytes are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/csv.h"
#include "io/csv_number.h"
#include "io/time_format.h"

typedef struct bytes {
  const uint8_t *at;
  size_t         n, next, step;
} bytes;

/* In steps of any size: the reader must not care. */
static ssize_t bytes_read(void *self, char *to, size_t most) {
  bytes *b = self;
  size_t n = b->n - b->next;
  if (n > most) n = most;
  if (n > b->step) n = b->step;
  memcpy(to, b->at + b->next, n);
  b->next += n;
  return (ssize_t)n;
}

static void fields_parse(clv_csv_record *record, const clv_time_format *const *format) {
  clv_text field[8];
  size_t   n;
  double   number;
  int64_t  micros;
  if (record->defect != CLV_CSV_SOUND || clv_csv_split(record, field, 8, &n) != CLV_CSV_SOUND) return;
  for (size_t i = 0; i < n && i < 8; i++) {
    CLV_CHECK(field[i].at >= record->at && field[i].at + field[i].n <= record->at + record->n);
    if (clv_csv_number(field[i].at, field[i].n, &number)) CLV_CHECK(number - number == 0.0);
    for (int k = 0; k < 3; k++)
      if (clv_time_format_parse(format[k], field[i].at, field[i].n, &micros, NULL) == CLV_TIME_READ) {
        char text[CLV_TIME_TEXT_MAX];
        clv_time_print(micros, false, text);
        CLV_CHECK(clv_time_day_floor(micros) <= micros &&
                  clv_time_week_floor(micros) <= clv_time_day_floor(micros));
      }
  }
}

/* Records that begin at or behind `split`, by the whole file and by a reader that starts there. */
static void split_check(const uint8_t *data, size_t n, size_t split, size_t step) {
  bytes           whole = {data, n, 0, 1 << 20}, part = {data, n, split, step};
  clv_csv_reader *a = NULL, *b = NULL;
  clv_csv_record  one, other;
  uint64_t        lines = 0, quotes = 0;
  if (clv_csv_reader_new((clv_csv_source){&whole, bytes_read}, &a) < 0) abort();
  if (clv_csv_reader_new((clv_csv_source){&part, bytes_read}, &b) < 0) abort();
  clv_csv_count((const char *)data, split, &lines, &quotes);
  clv_csv_reader_start(b, (clv_csv_source){&part, bytes_read},
                       (clv_csv_start){.offset = split,
                                       .limit  = UINT64_MAX,
                                       .line   = 1 + lines,
                                       .quoted = quotes % 2 != 0,
                                       .inside = quotes % 2 != 0 || (split > 0 && data[split - 1] != '\n')});
  while (clv_csv_reader_next(a, &one) == 1) {
    if (one.offset < split) continue;
    CLV_CHECK(clv_csv_reader_next(b, &other) == 1);
    CLV_CHECK(one.offset == other.offset && one.line == other.line && one.n == other.n &&
              one.defect == other.defect);
    CLV_CHECK(memcmp(one.at, other.at, one.n) == 0);
  }
  CLV_CHECK(clv_csv_reader_next(b, &other) == 0);
  clv_csv_reader_free(&a);
  clv_csv_reader_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  clv_csv_reader  *reader    = NULL;
  clv_time_format *format[3] = {0};
  clv_csv_record   record;
  bytes            all;
  char             own[32] = {0};
  if (n < 3) return 0;
  all = (bytes){data + 2, n - 2, 0, 1 + data[1]};
  if (clv_time_format_new(NULL, &format[0]) < 0 ||
      clv_time_format_new("%d.%m.%y %H:%M:%S %z", &format[1]) < 0)
    abort();
  memcpy(own, data, n < 31 ? n : 31); /* a format of any kind */
  if (clv_time_format_new(own, &format[2]) < 0) clv_message_clear();
  if (format[2] == NULL && clv_time_format_new("%s", &format[2]) < 0) abort();
  if (clv_csv_reader_new((clv_csv_source){&all, bytes_read}, &reader) < 0) abort();
  while (clv_csv_reader_next(reader, &record) == 1)
    fields_parse(&record, (const clv_time_format *const *)format);
  split_check(data + 2, n - 2, data[0] % (n - 1), all.step);
  clv_csv_reader_free(&reader);
  for (int k = 0; k < 3; k++) clv_time_format_free(&format[k]);
  return 0;
}
