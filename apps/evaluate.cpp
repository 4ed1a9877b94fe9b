// papillon evaluate: compares samples with reference states.
#include <fmt/format.h>

#include "papillon/apps/command.hpp"
#include "papillon/apps/figure.hpp"
#include "papillon/apps/frechet_network.hpp"
#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/lorenz/metrics/evaluation.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

struct EvaluateOptions {
  std::string samples, reference, independent, figure, frechet_network = "auto";
  EvaluationOptions evaluation;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("samples", self.samples, {"generated states, .nc or .npy (needed)", {}, Role::input});
    visit("reference", self.reference, {"states of the attractor (needed)", {}, Role::input});
    visit("independent", self.independent,
          {"states of other trajectories, for the floors; else they are integrated",
           {},
           Role::input});
    visit("figure", self.figure,
          {"name for FIGURE.svg and FIGURE.png, drawn by gnuplot", {}, Role::output});
    visit("nearest-states", self.evaluation.d_test_states,
          {"reference states that d_test is a mean over, evenly spaced; 0: all",
           closed(0, max_count)});
    visit("frechet-network", self.frechet_network,
          {"file of the network that the Fréchet distance is measured on, fitted where it is "
           "missing; auto: REFERENCE.frechet.safetensors; none: random features"});
    // Also where --frechet-network auto cannot write its file.
    visit("features", self.evaluation.features,
          {"random ones, of the Fréchet distance; even", closed(2, 4096)},
          Use{"--frechet-network none or auto", [&self] {
                return self.frechet_network == "none" || self.frechet_network == "auto";
              }});
  }
};

class Evaluate : public Command {
 public:
  const char* name() const override { return "evaluate"; }
  const char* about() const override {
    return "Compare samples with reference states: all metrics, each beside its floor.";
  }
  const char* notes() const override {
    return "The Fréchet distance is between means and covariances of features: the hidden values "
           "of a\n"
           "dense surrogate of two layers (lead 10 steps), fitted to the reference trajectories "
           "from a\n"
           "fixed seed (262,144 pairs, 10 epochs: seconds) and kept in a file, so that later runs\n"
           "measure with the same one. Without trajectories, or where auto cannot write, they are\n"
           "random Fourier features; frechet_features in the result says which.";
  }
  const char* example() const override {
    return "  papillon evaluate --samples samples.npy --reference data/test.nc --figure "
           "attractor\n";
  }

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, o_);
    return list;
  }

  Json run(const Context& context) override {
    require(o_.samples, "--samples FILE");
    require(o_.reference, "--reference FILE");
    require(o_.frechet_network, "--frechet-network FILE, auto or none");
    require_figure(o_.figure, "--figure");
    if (o_.frechet_network != "auto" && o_.frechet_network != "none" &&
        !std::filesystem::exists(o_.frechet_network))
      require_writable_file(o_.frechet_network, "--frechet-network");
    options_ = o_.evaluation;
    options_.seed = context.seed;
    const States samples = read_states(o_.samples, 3);
    const States reference = read_states(o_.reference, 3);
    // What evaluate() would say once the network is fitted.
    for (const auto& [file, states] :
         {std::pair{&o_.samples, &samples}, std::pair{&o_.reference, &reference}})
      if (states->values.extent(0) < 2)
        throw InputError(fmt::format("{}: one state is too few; at least 2 are needed", *file));
    // Trees for nearest neighbours, sorted copies and histograms, beside the states themselves.
    const std::size_t count = 2 * samples.values.extent(0) + reference.values.extent(0);
    require_memory(100.0 * static_cast<double>(count),
                   fmt::format("comparing {} states", format_count(count)), "compare fewer");
    const Tensor<float> independent = o_.independent.empty()
                                          ? integrate_independent(context, samples.values.extent(0))
                                          : read_states(o_.independent, 3).values;
    if (independent.size() < samples.values.size())
      throw InputError(fmt::format("{}: {} states are too few for the floors of {} samples",
                                   o_.independent, independent.size() / 3,
                                   samples.values.extent(0)));
    if (!context.quiet)
      print_message("comparing {} samples with {} states\n", format_count(samples.values.extent(0)),
                    format_count(reference.values.extent(0)));
    const FrechetNetwork network =
        frechet_network(o_.frechet_network, o_.reference, reference, options_, context.quiet);
    options_.feature_map = network.features;
    const Evaluation e = evaluate(samples.values, reference.values, independent, options_);
    if (context.tables()) print(e);
    if (!o_.figure.empty()) draw_attractor(o_.figure, reference.values, samples.values);

    const auto metric = [](const MetricValue& m) {
      return Json{{"value", m.value}, {"floor", m.floor}, {"ratio", m.ratio}};
    };
    return {{"hellinger", metric(e.hellinger)},
            {"d_gen", metric(e.d_gen)},
            {"d_test", metric(e.d_test)},
            {"frechet", metric(e.frechet)},
            {"extremes", metric(e.extremes)},
            {"identities", metric(e.identities)},
            {"identity_errors", e.each_identity.errors},
            {"outside_histogram", e.outside},
            {"samples", e.samples},
            {"reference_states", e.reference_states},
            {"d_gen_states", e.d_gen_states},
            {"d_test_states", e.d_test_states},
            {"feature_states", e.feature_states},
            {"frechet_features", network.about}};
  }

 private:
  // As many states as there are samples, half a time unit apart where that is quick.
  Tensor<float> integrate_independent(const Context& context, std::size_t count) const {
    TrajectorySetOptions set;
    set.members = 64;
    set.burn_in = 20000;
    set.store_every = count > 1'000'000 ? 10 : 50;
    set.steps = set.store_every * ((count + set.members - 1) / set.members);
    set.seed = context.seed;
    set.set = Purpose::independent_trajectories;
    return trajectories(options_.system, set);
  }

  static void print(const Evaluation& e) {
    fmt::print("{:<12}{:>12}{:>12}{:>9}\n", "metric", "value", "floor", "ratio");
    const auto row = [](const char* name, const MetricValue& m) {
      fmt::print("{:<12}{:>12}{:>12}{:>9}\n", name, with_error(number_text(m.value, "{:.5g}"), ""),
                 with_error(number_text(m.floor, "{:.5g}"), ""),
                 with_error(number_text(m.ratio, "{:.3f}"), ""));
    };
    row("hellinger", e.hellinger);
    row("d_gen", e.d_gen);
    row("d_test", e.d_test);
    row("frechet", e.frechet);
    row("extremes", e.extremes);
    row("identities", e.identities);
    const char* names[] = {"<x> = 0", "<y> = 0", "<xy> = <x²>", "<xy> = 8/3 <z>",
                           "<y²> = 28 <x²> - 8/3 <z²>"};
    fmt::print("\nrelative errors of the identities\n");
    for (std::size_t i = 0; i < e.each_identity.errors.size(); ++i)
      fmt::print("  {:<28}{:>9} %\n", names[i],
                 with_error(number_text(100 * e.each_identity.errors[i], "{:+.3f}"), ""));
  }

  EvaluateOptions o_;
  EvaluationOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_evaluate() {
  return std::make_unique<Evaluate>();
}

}  // namespace papillon::apps
