#include "papillon/apps/surrogate/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/numbers.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/surrogate/results.hpp"
#include "papillon/tensor/atomic_file.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

void print_verdict(const Json& v) {
  fmt::print("{}:", v["model"].get<std::string>());
  if (v.contains("best_deep_network"))
    fmt::print(" {} times the nRMSE of {}: {}",
               with_error(number_text(v["ratio_to_best_deep_network"], "{:.3g}"), ""),
               v["best_deep_network"].get<std::string>(),
               v["about_as_well"] ? "about as well" : "not about as well");
  if (v.contains("ratio_to_untrained"))
    fmt::print("; {} times that of the untrained network: {}",
               with_error(number_text(v["ratio_to_untrained"], "{:.3g}"), ""),
               v["far_better_than_untrained"] ? "far better" : "not far better");
  fmt::print("\n");
}

std::vector<double> default_values(const std::string& axis) {
  if (axis == "corruption") return {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};
  if (axis == "lead") return {1, 2, 5, 10, 20, 50, 100};
  std::vector<double> values;
  for (double n = 8; n <= 1048576; n *= 2) values.push_back(n);
  return values;
}

ExperimentOptions with_value(const ExperimentOptions& from, const std::string& axis, double value) {
  ExperimentOptions o = from;
  if (axis == "samples") {
    o.samples = static_cast<std::uint64_t>(value);
    // As many steps of Adam as without the scaling; batches are never larger than the set.
    const double batch = static_cast<double>(from.batch_size),
                 all = static_cast<double>(from.samples);
    const double steps = from.epochs * all / std::min(batch, all);
    o.epochs = steps * std::min(batch, value) / value;
  } else if (axis == "corruption") {
    o.corruption = value;
  } else {
    o.lead = static_cast<std::size_t>(value);
    o.leads = std::max<std::size_t>(1, from.lead * from.leads / o.lead);  // over the same time
  }
  return o;
}

// One value more to the arrays of a model's entry.
void append(Json& to, double value, const Json& entry) {
  if (to.is_null()) to = {{"lead", {1, 10, 30}}, {"values", Json::array()}};
  to["values"].push_back(value);
  const auto at = [&](const char* key) {
    Json row = Json::array();
    for (const auto& lead : to["lead"]) {
      const std::size_t l = lead.get<std::size_t>() - 1;
      row.push_back(l < entry[key].size() ? entry[key][l] : Json());
    }
    return row;
  };
  to["nrmse"].push_back(at("nrmse"));
  to["nrmse_spread"].push_back(at("nrmse_spread"));
  to["lambda"].push_back(entry.value("lambda", Json()));
  to["valid_time"].push_back(entry["valid_time"]);
  to["hellinger"].push_back(entry["hellinger"]);
  to["diverged"].push_back(entry["diverged"].back());
  to["parameters"] = entry["parameters"];
  to["seeds"] = entry["seeds"];
}

}  // namespace

std::string progress_label(const Recipe& recipe, std::uint64_t seed, const char* what) {
  return fmt::format("{} (seed {}) {}", recipe.name, seed, what);
}

std::vector<Variant> scaled(const ExperimentOptions& options, const std::string& axis,
                            std::vector<double> values) {
  if (axis == "none") return {{0, options}};
  if (values.empty()) values = default_values(axis);
  const double most = axis == "corruption" ? 1e6
                      : axis == "lead"     ? 1e6
                                           : static_cast<double>(max_count);
  std::vector<Variant> variants;
  for (const double v : values) {
    if (v > most || (axis != "corruption" && (v < 1 || v != std::floor(v))))
      throw UsageError(fmt::format("--scaling-values {}: --scaling {} takes {} up to {}", v, axis,
                                   axis == "corruption" ? "numbers" : "whole numbers from 1",
                                   most));
    variants.push_back({v, with_value(options, axis, v)});
  }
  return variants;
}

Comparison::Comparison(const Context& context, const Experiment& experiment, fs::path out,
                       int seeds, bool figure)
    : context_(context),
      experiment_(experiment),
      out_(std::move(out)),
      seeds_(seeds),
      figure_(figure) {}

// The entries of one recipe and seed, one for each lambda; from the file of an earlier run where it
// has the same settings.
std::vector<Json> Comparison::entries(const Recipe& recipe, std::uint64_t seed,
                                      const ExperimentOptions& o, const std::string& tag) const {
  const RunSettings identity = experiment_.identity(recipe, seed, o);
  const fs::path file = out_ / "models" / fmt::format("{}{}-seed{}.json", recipe.name, tag, seed);
  if (const auto before = read_stored(file, "entries"); before && before->identity == identity) {
    if (!context_.quiet)
      print_message("{}: finished before\n",
                    progress_label(recipe, seed, (tag.empty() ? "" : tag.substr(1)).c_str()));
    return before->content["entries"].get<std::vector<Json>>();
  }
  std::vector<Json> all;
  for (Fitted& fitted : experiment_.fit(recipe, seed, o, progress_label(recipe, seed, "fit"))) {
    experiment_.score(fitted, o, progress_label(recipe, seed, "roll out"));
    fitted.facts["time_step"] = fitted.surrogate.time_step();
    all.push_back(std::move(fitted.facts));
  }
  fs::create_directories(file.parent_path());
  write_stored(file, identity, {{"entries", all}});
  return all;
}

// Results of a recipe over all seeds, by name: the lambda is in the name where there are several.
Comparison::Named Comparison::averaged(const Recipe& recipe, const ExperimentOptions& o,
                                       const std::string& tag) const {
  std::vector<std::vector<Json>> by_lambda;
  std::uint64_t seed = context_.seed;
  for (int s = 0; s < seeds_; ++s, ++seed) {
    std::vector<Json> run = entries(recipe, seed, o, tag);
    by_lambda.resize(run.size());
    for (std::size_t l = 0; l < run.size(); ++l) by_lambda[l].push_back(std::move(run[l]));
  }
  Named all;
  for (const auto& runs : by_lambda) {
    const std::string suffix =
        by_lambda.size() > 1 ? "@" + runs[0]["lambda_asked"].get<std::string>() : "";
    all.emplace_back(recipe.name + suffix, over_seeds(runs));
  }
  return all;
}

Json Comparison::compare(const std::vector<Recipe>& recipes,
                         const ExperimentOptions& options) const {
  const auto start = Clock::now();
  Json results = Json::object();
  for (const Recipe& recipe : recipes)
    for (auto& [name, entry] : averaged(recipe, options, "")) results[name] = std::move(entry);
  write_tables(out_, results);
  if (figure_) draw_leads(out_ / "nrmse", results);
  if (context_.tables()) {
    print_table(results);
    for (const Json& v : verdicts(results)) print_verdict(v);
  }
  write_results(seconds_since(start), results, {{"verdicts", verdicts(results)}});
  return results;
}

Json Comparison::scale(const std::vector<Recipe>& recipes, const std::string& axis,
                       const std::vector<Variant>& variants) const {
  const auto start = Clock::now();
  Json results = Json::object();
  for (const Recipe& recipe : recipes)
    for (const auto& [value, options] : variants)
      for (const auto& [name, entry] :
           averaged(recipe, options, fmt::format("-{}-{:.10g}", axis, value)))
        append(results[name], value, entry);
  write_scaling(out_, axis, results);
  if (figure_) draw_scaling(out_ / axis, axis, results);
  if (context_.tables()) print_scaling(axis, results);
  write_results(seconds_since(start), results, {{"scaling", axis}});
  return results;
}

void Comparison::write_results(double seconds, const Json& results, const Json& more) const {
  Json document = result_document(context_, seconds, results);
  for (const auto& [key, value] : more.items()) document[key] = value;
  write_file_atomically(out_ / "results.json", document.dump(1) + "\n");
}

}  // namespace papillon::apps
