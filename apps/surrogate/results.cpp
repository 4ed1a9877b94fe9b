#include "papillon/apps/surrogate/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "papillon/apps/experiment/table.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/tensor/atomic_file.hpp"

namespace papillon::apps {
namespace {

// The spread of one value is not defined: NaN.
struct Moments {
  double mean, spread;
};
Moments moments(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) square += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(square / (n - 1)) : std::nan("")};
}

void average_arrays(Json& out, const std::vector<Json>& runs, const char* key, bool spread) {
  if (!runs.front().contains(key)) return;
  out[key] = Json::array();
  if (spread) out[std::string(key) + "_spread"] = Json::array();
  for (std::size_t l = 0; l < runs.front()[key].size(); ++l) {
    std::vector<double> values;
    for (const Json& run : runs) values.push_back(number_of(run[key][l]));
    const Moments m = moments(values);
    out[key].push_back(json_number(m.mean));
    if (spread) out[std::string(key) + "_spread"].push_back(json_number(m.spread));
  }
}

// Null where one of them has none.
void average_numbers(Json& out, const std::vector<Json>& runs, const char* key, bool spread) {
  if (!runs.front().contains(key)) return;
  std::vector<double> values;
  for (const Json& run : runs) values.push_back(number_of(run[key]));
  const Moments m = moments(values);
  out[key] = json_number(m.mean);
  if (spread) out[std::string(key) + "_spread"] = json_number(m.spread);
}

// Position of a lead in an entry's arrays.
std::optional<std::size_t> position(const Json& entry, std::size_t lead) {
  const Json& leads = entry["lead"];
  const auto found = std::find(leads.begin(), leads.end(), lead);
  if (found == leads.end()) return std::nullopt;
  return static_cast<std::size_t>(found - leads.begin());
}

// The geometric mean over leads 1, 10 and 30 (where there are) of a's nrmse over b's; NaN where
// that is not defined.
double ratio(const Json& a, const Json& b) {
  double sum = 0, n = 0;
  for (const std::size_t lead : {1, 10, 30})
    if (const auto l = position(a, lead)) {
      sum += std::log(number_of(a["nrmse"][*l]) / number_of(b["nrmse"][*l]));
      ++n;
    }
  return std::exp(sum / n);
}

// "0.0123 ± 0.0004"; without a spread where there is one seed.
std::string with_spread(const Json& value, const Json& spread) {
  return with_error(number_text(value, "{:.3g}"), number_text(spread, "{:.1g}"));
}

// A model's entry in the results, or that of one value of a scaling, or one lead of either; both
// counted from 0.
struct Row {
  std::string name;
  const Json* entry;
  std::optional<std::size_t> value{}, lead{};

  Json at(const std::string& key) const {
    Json json = entry->value(key, Json());
    if (value && key != "lead" && json.is_array()) json = Json(json[*value]);
    if (lead && json.is_array()) json = Json(json[*lead]);
    return json;
  }
  Row of_lead(std::size_t l) const { return {name, entry, value, l}; }
};

Column<Row> model_column() {
  return text_column<Row>("model", "model", [](const Row& row) { return row.name; });
}
Column<Row> json_column(const std::string& heading, const char* key, const char* format,
                        const std::string& name, const char* csv_format = "{:.6g}") {
  return number_column<Row>(
      heading, name, [key](const Row& row) { return row.at(key); }, format, csv_format);
}
// In CSV alone.
Column<Row> in_csv(const char* key) {
  return json_column("", key, "{}", key);
}
// With its spread over the seeds. lead: of rows that are of all leads.
Column<Row> nrmse_column(const std::string& heading, const std::string& name,
                         std::optional<std::size_t> lead = {}) {
  const auto text = [lead](const Row& row, auto joined) {
    const Row one = lead ? row.of_lead(*lead) : row;
    return joined(one.at("nrmse"), one.at("nrmse_spread"));
  };
  const auto cells = [](const Json& value, const Json& spread) {
    return fmt::format("{},{}", number_text(value, "{:.6g}"), number_text(spread, "{:.3g}"));
  };
  return {heading, fmt::format("{0},{0}_spread", name),
          [text](const Row& row) { return text(row, with_spread); },
          [text, cells](const Row& row) { return text(row, cells); }};
}

std::vector<Row> rows_of(const Json& results) {
  std::vector<Row> rows;
  for (const auto& [name, entry] : results.items()) rows.push_back({name, &entry});
  return rows;
}

std::vector<Column<Row>> model_columns(const Json& first) {
  std::vector<Column<Row>> columns = {
      model_column(),
      json_column("lambda", "lambda", "{:.1e}", "lambda"),
      in_csv("degrees_of_freedom"),
      json_column("", "feature_count", "{}", "features"),
      json_column("fitted values", "parameters", "{:.0f}", "parameters"),
      in_csv("seeds")};
  for (const std::size_t lead : table_leads(first))
    columns.push_back(nrmse_column(fmt::format("nRMSE, lead {}", lead),
                                   fmt::format("nrmse_{}", lead), position(first, lead)));
  const auto diverged = [](const Row& row) { return row.at("diverged").back(); };
  const std::vector<Column<Row>> more = {
      json_column("valid time", "valid_time", "{:.2f}", "valid_time"),
      in_csv("valid_time_spread"),
      in_csv("always_valid"),
      json_column("Hellinger", "hellinger", "{:.3f}", "hellinger"),
      in_csv("hellinger_spread"),
      in_csv("hellinger_floor"),
      number_column<Row>("diverged", "diverged", diverged, "{:.3f}"),
      json_column("Lyapunov exponent", "lyapunov", "{:.3f}", "lyapunov"),
      in_csv("lyapunov_spread"),
      in_csv("lyapunov_se"),
      in_csv("fit_seconds")};
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

}  // namespace

Json over_seeds(const std::vector<Json>& runs) {
  Json out = runs.front();
  for (const char* key : {"mse", "mae", "diverged"}) average_arrays(out, runs, key, false);
  average_arrays(out, runs, "nrmse", true);
  for (const char* key : {"valid_time", "hellinger", "lyapunov"})
    average_numbers(out, runs, key, true);
  for (const char* key : {"always_valid", "degrees_of_freedom", "fit_seconds", "score_seconds",
                          "training_loss", "lyapunov_se"})
    average_numbers(out, runs, key, false);
  if (out.contains("lambda")) {
    // One that was searched for may differ from seed to seed: the geometric mean.
    double sum = 0;
    for (const Json& run : runs) sum += std::log(run["lambda"].get<double>());
    out["lambda"] = runs.size() == 1 ? runs[0]["lambda"]
                                     : Json(std::exp(sum / static_cast<double>(runs.size())));
  }
  out["seeds"] = runs.size();
  return out;
}

std::vector<std::size_t> table_leads(const Json& entry) {
  std::vector<std::size_t> leads;
  for (const std::size_t lead : {1, 10, 30, 100})
    if (position(entry, lead)) leads.push_back(lead);
  return leads;
}

Json verdicts(const Json& results) {
  const Json* best = nullptr;
  std::string best_name;
  for (const auto& [name, entry] : results.items()) {
    const bool deep =
        (name.rfind("dense", 0) == 0 && name != "dense1") || name.rfind("residual", 0) == 0;
    if (!deep || !entry.contains("nrmse")) continue;
    if (best != nullptr && !(ratio(entry, *best) < 1)) continue;
    best = &entry;
    best_name = name;
  }
  Json all = Json::array();
  for (const auto& [name, entry] : results.items()) {
    if (name.rfind("trained", 0) != 0 || !entry.contains("nrmse")) continue;
    Json verdict = {{"model", name}};
    if (best != nullptr) {
      const double r = ratio(entry, *best);
      verdict["best_deep_network"] = best_name;
      verdict["ratio_to_best_deep_network"] = json_number(r);
      verdict["about_as_well"] = r <= 1.25;
    }
    const std::string rival = "un" + name;
    if (results.contains(rival)) {
      const double r = ratio(entry, results[rival]);
      verdict["ratio_to_untrained"] = json_number(r);
      verdict["far_better_than_untrained"] = r <= 0.1;
    }
    if (verdict.size() > 1) all.push_back(std::move(verdict));
  }
  return all;
}

void print_table(const Json& results) {
  if (results.empty() || !results.front().contains("nrmse")) return;
  fmt::print("{}Hellinger floor {}; {} forecasts; valid time in Lyapunov times\n",
             aligned<Row>(model_columns(results.front()), rows_of(results)),
             with_error(number_text(results.front()["hellinger_floor"], "{:.3f}"), ""),
             results.front()["windows"].get<std::size_t>());
}

void write_tables(const std::filesystem::path& directory, const Json& results) {
  const auto columns = model_columns(results.front());
  const std::vector<Row> rows = rows_of(results);
  write_file_atomically(directory / "table.csv", csv<Row>(columns, rows));
  write_file_atomically(directory / "table.md", markdown<Row>(columns, rows));
  std::vector<Row> leads;
  for (const Row& row : rows)
    for (std::size_t l = 0; l < row.at("lead").size(); ++l) leads.push_back(row.of_lead(l));
  write_file_atomically(directory / "leads.csv",
                        csv<Row>({model_column(), in_csv("lead"), nrmse_column("", "nrmse"),
                                  in_csv("mse"), in_csv("mae"), in_csv("diverged")},
                                 leads));
}

void print_scaling(const std::string& axis, const Json& results) {
  for (const Row& row : rows_of(results)) {
    const Json& leads = (*row.entry)["lead"];
    std::vector<Column<Row>> columns = {json_column(axis, "values", "{:g}", "")};
    for (std::size_t l = 0; l < leads.size(); ++l)
      columns.push_back(
          nrmse_column(fmt::format("nRMSE, lead {}", leads[l].get<std::size_t>()), "", l));
    columns.push_back(json_column("valid time", "valid_time", "{:.2f}", ""));
    std::vector<Row> rows;
    for (std::size_t v = 0; v < row.at("values").size(); ++v)
      rows.push_back({row.name, row.entry, v});
    fmt::print("{}\n{}", row.name, aligned<Row>(columns, rows));
  }
}

void write_scaling(const std::filesystem::path& directory, const std::string& axis,
                   const Json& results) {
  std::vector<Row> rows;
  for (const auto& [name, entry] : results.items())
    for (std::size_t v = 0; v < entry["values"].size(); ++v)
      for (std::size_t l = 0; l < entry["lead"].size(); ++l)
        if (entry["nrmse"][v][l].is_number()) rows.push_back({name, &entry, v, l});
  // With two columns named lead nothing reads it.
  const Column<Row> values =
      json_column("", "values", "{}", axis == "lead" ? "lead_steps" : axis, "{:.10g}");
  write_file_atomically(directory / (axis + ".csv"),
                        csv<Row>({model_column(), values, in_csv("lambda"), in_csv("lead"),
                                  nrmse_column("", "nrmse"), in_csv("valid_time"), in_csv("seeds")},
                                 rows));
}

}  // namespace papillon::apps
