# Sourced: tiny_make DIR writes a log with awkward ids and DIR/tiny.yaml, and prepares and fits it on one rank.
tiny_make() {
  awk 'BEGIN {
    srand(11); print "id,date,amount"
    for (c = 0; c < 160; c++) {
      id = "c" c; if (c == 3) id = "\"Smith, Anna\""; if (c == 4) id = "\"the \"\"best\"\"\""; if (c == 5) id = "J\303\266rg"
      n = 1 + int(rand() ^ 3 * 9); d = int(rand() * 120)
      for (k = 0; k < n && d < 300; k++) {
        printf "%s,2020-%02d-%02d,%.2f\n", id, 1 + int(d / 28), 1 + d % 28, 5 + rand() * 40 * (1 + c % 3)
        d += 2 + int(rand() * 40)
      }
    }
  }' >"$1/log.csv"
  cat >"$1/tiny.yaml" <<YAML
name: tiny
data:
  transactions: $1/log.csv
  columns: {customer: id, time: date, amount: amount}
  rescale_factor: 10
sampler: {num_chains: 2, num_samples: 60, num_warmup: 120, seed: 5}
predict: {horizon: [7.5, 20], discount_rate: 0.1, draws: 50, keep_customers: ["Smith, Anna", "c9"]}
output: {directory: $1/runs}
YAML
  for job in prepare fit; do
    "$CLV" $job "$1/tiny.yaml" --quiet >"$1/say" 2>"$1/err" || { cat "$1/err"; return 1; }
  done
}
