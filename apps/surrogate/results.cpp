#include "papillon/apps/surrogate/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

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

std::string csv_row(std::initializer_list<std::string> cells) {
  std::string row;
  for (const std::string& cell : cells) row += (row.empty() ? "" : ",") + cell;
  return row + "\n";
}

std::string value_of(const Json& entry, const char* key) {
  return entry.contains(key) ? number_text(entry[key], "{:.6g}") : "";
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
  const auto leads = table_leads(results.front());
  fmt::print("{:<22}{:>9}{:>10}", "model", "lambda", "fitted");
  for (const std::size_t lead : leads) fmt::print("{:>21}", fmt::format("nRMSE lead {}", lead));
  fmt::print("{:>8}{:>11}{:>10}{:>9}\n", "valid", "Hellinger", "diverged", "Lyap.");
  for (const auto& [name, entry] : results.items()) {
    fmt::print("{:<22}{:>9}{:>10}", name,
               entry.contains("lambda") ? number_text(entry["lambda"], "{:.1e}") : "",
               number_text(entry["parameters"], "{:.0f}"));
    for (const std::size_t lead : leads) {
      const std::size_t l = *position(entry, lead);
      fmt::print("{:>21}", with_spread(entry["nrmse"][l], entry["nrmse_spread"][l]));
    }
    fmt::print("{:>8}{:>11}{:>10}{:>9}\n", number_text(entry["valid_time"], "{:.2f}"),
               number_text(entry["hellinger"], "{:.3f}"),
               number_text(entry["diverged"].back(), "{:.3f}"),
               number_text(entry["lyapunov"], "{:.3f}"));
  }
  fmt::print("Hellinger floor {}; {} forecasts; valid: Lyapunov times\n",
             with_error(number_text(results.front()["hellinger_floor"], "{:.3f}"), ""),
             results.front()["windows"].get<std::size_t>());
}

void write_tables(const std::filesystem::path& directory, const Json& results) {
  const auto leads = table_leads(results.front());
  std::string table = "model,lambda,degrees_of_freedom,features,parameters,seeds";
  std::string markdown = "| model | λ per sample | fitted values |", rule = "|---|---|---|";
  for (const std::size_t lead : leads) {
    table += fmt::format(",nrmse_{0},nrmse_{0}_spread", lead);
    markdown += fmt::format(" nRMSE, lead {} |", lead);
    rule += "---|";
  }
  table +=
      ",valid_time,valid_time_spread,always_valid,hellinger,hellinger_spread,hellinger_floor,"
      "diverged,lyapunov,lyapunov_spread,lyapunov_se,fit_seconds\n";
  markdown +=
      " valid time | Hellinger | diverged | Lyapunov exponent |\n" + rule + "---|---|---|---|\n";
  std::string rows = "model,lead,nrmse,nrmse_spread,mse,mae,diverged\n";
  for (const auto& [name, entry] : results.items()) {
    table += fmt::format("{},{},{},{},{},{}", name, value_of(entry, "lambda"),
                         value_of(entry, "degrees_of_freedom"), value_of(entry, "feature_count"),
                         value_of(entry, "parameters"), value_of(entry, "seeds"));
    markdown += fmt::format("| {} | {} | {:.0f} |", name,
                            entry.contains("lambda") ? number_text(entry["lambda"], "{:.1e}") : "",
                            entry["parameters"].get<double>());
    for (const std::size_t lead : leads) {
      const std::size_t l = *position(entry, lead);
      table += "," + number_text(entry["nrmse"][l], "{:.6g}") + "," +
               number_text(entry["nrmse_spread"][l], "{:.3g}");
      markdown += " " + with_spread(entry["nrmse"][l], entry["nrmse_spread"][l]) + " |";
    }
    for (const char* key : {"valid_time", "valid_time_spread", "always_valid", "hellinger",
                            "hellinger_spread", "hellinger_floor"})
      table += "," + value_of(entry, key);
    table += "," + number_text(entry["diverged"].back(), "{:.6g}");
    for (const char* key : {"lyapunov", "lyapunov_spread", "lyapunov_se", "fit_seconds"})
      table += "," + value_of(entry, key);
    table += "\n";
    markdown += fmt::format(" {} | {} | {} | {} |\n", number_text(entry["valid_time"], "{:.2f}"),
                            number_text(entry["hellinger"], "{:.3f}"),
                            number_text(entry["diverged"].back(), "{:.3f}"),
                            number_text(entry["lyapunov"], "{:.3f}"));
    for (std::size_t l = 0; l < entry["lead"].size(); ++l)
      rows += csv_row(
          {name, std::to_string(entry["lead"][l].get<std::size_t>()),
           number_text(entry["nrmse"][l], "{:.6g}"),
           number_text(entry["nrmse_spread"][l], "{:.3g}"), number_text(entry["mse"][l], "{:.6g}"),
           number_text(entry["mae"][l], "{:.6g}"), number_text(entry["diverged"][l], "{:.6g}")});
  }
  write_file_atomically(directory / "table.csv", table);
  write_file_atomically(directory / "table.md", markdown);
  write_file_atomically(directory / "leads.csv", rows);
}

void print_scaling(const std::string& axis, const Json& results) {
  for (const auto& [name, entry] : results.items()) {
    fmt::print("{}\n{:>12}", name, axis);
    for (const auto& lead : entry["lead"])
      fmt::print("{:>21}", fmt::format("nRMSE lead {}", lead.get<std::size_t>()));
    fmt::print("{:>10}\n", "valid");
    for (std::size_t v = 0; v < entry["values"].size(); ++v) {
      fmt::print("{:>12g}", entry["values"][v].get<double>());
      for (std::size_t l = 0; l < entry["lead"].size(); ++l)
        fmt::print("{:>21}", with_spread(entry["nrmse"][v][l], entry["nrmse_spread"][v][l]));
      fmt::print("{:>10}\n", number_text(entry["valid_time"][v], "{:.2f}"));
    }
  }
}

void write_scaling(const std::filesystem::path& directory, const std::string& axis,
                   const Json& results) {
  // With two columns named lead nothing reads it.
  std::string rows = "model," + (axis == "lead" ? "lead_steps" : axis) +
                     ",lambda,lead,nrmse,nrmse_spread,valid_time,seeds\n";
  for (const auto& [name, entry] : results.items())
    for (std::size_t v = 0; v < entry["values"].size(); ++v)
      for (std::size_t l = 0; l < entry["lead"].size(); ++l) {
        if (!entry["nrmse"][v][l].is_number()) continue;
        rows += csv_row({name, number_text(entry["values"][v], "{:.10g}"),
                         number_text(entry["lambda"][v], "{:.6g}"),
                         std::to_string(entry["lead"][l].get<std::size_t>()),
                         number_text(entry["nrmse"][v][l], "{:.6g}"),
                         number_text(entry["nrmse_spread"][v][l], "{:.3g}"),
                         number_text(entry["valid_time"][v], "{:.6g}"), value_of(entry, "seeds")});
      }
  write_file_atomically(directory / (axis + ".csv"), rows);
}

}  // namespace papillon::apps
