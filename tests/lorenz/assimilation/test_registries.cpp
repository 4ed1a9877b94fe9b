// Methods and sources that are chosen by name: those of the library, and one of each of one's own.
#include <algorithm>

#include "catch.hpp"
#include "helpers.hpp"
#include "nudging.hpp"
#include "papillon/lorenz/assimilation/methods.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "shell.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

// What a test has.
class TestInputs final : public MethodInputs {
 public:
  TestInputs() { climate_ = {{0, 0, 23}, {8, 9, 8.6}, some_covariance(3, 1), nullptr}; }
  const ModelPointer& model() const override { return model_; }
  std::size_t steps_per_cycle() const override { return 10; }
  const Climate& climate() const override { return climate_; }
  Tensor<double> covariance(const std::vector<std::string>&) const override {
    return climate_.covariance;
  }
  std::shared_ptr<const DiffusionModel> diffusion_model(const std::string& file) const override {
    throw InputError(file + ": no such file");
  }
  std::shared_ptr<const Tensor<float>> states(const std::string& file) const override {
    throw InputError(file + ": no such file");
  }

 private:
  ModelPointer model_ = forecast_model(Lorenz63{});
  Climate climate_;
};

double nrmse(const MethodPointer& method) {
  const ModelPointer model = forecast_model(Lorenz63{});
  auto pool = std::make_shared<Matrix>(spun_up_states(*model, 200, 2000, {1, 1}));
  Truth truth(IntegratedTruth{model, spun_up_states(*model, 4, 2500, {1, 2}), {}});
  TwinOptions options;
  options.burn_in = 50;
  options.cycles = 200;
  options.scale = {8, 9, 8.6};
  return twin_experiment(
             {model, {}, truth, {ObservationModel(ObservationOperator::all(3), 2)}, pool}, method,
             options)
      .analysis.nrmse_pooled.value;
}

using MethodChoice = Choice<MethodPointer(const MethodInputs&)>;

void assign(MethodChoice& choice, const std::string& name, const std::string& text) {
  std::vector<Option> list;
  choice.append_to(list, {});
  for (Option& option : list)
    if (option.name == name) option.assign({text});
}

bool is_used(MethodChoice& choice, const std::string& name) {
  std::vector<Option> list;
  choice.append_to(list, {});
  return std::any_of(list.begin(), list.end(),
                     [&](const Option& o) { return o.name == name && o.is_used(); });
}

}  // namespace

TEST_CASE("a method of one's own is made by name with its options", "[assimilation]") {
  MethodRegistry registry = methods();
  registry.add<NudgingOptions>("nudging", make_nudging);
  MethodChoice method(registry, "method", "how observations are used", "nudging");
  const TestInputs inputs;
  CHECK(is_used(method, "gain"));
  CHECK(!is_used(method, "radius"));
  const double at_half = nrmse(method.make(inputs));
  assign(method, "gain", "0");
  const double at_zero = nrmse(method.make(inputs));
  // Half of each innovation is better than the observations alone (2 / 8.5), no nudging no better
  // than a random state of the attractor.
  CHECK(at_half < 0.235);
  CHECK(at_zero > 0.9);
  CHECK_THROWS_AS(assign(method, "gain", "1.5"), ArgumentError);
  // With another method its options are not used.
  assign(method, "method", "letkf");
  CHECK(!is_used(method, "gain"));
  CHECK(is_used(method, "radius"));
  // The library's own registry is as it was.
  CHECK(methods().entries().size() + 1 == registry.entries().size());
}

TEST_CASE("a source of one's own serves methods by name", "[assimilation]") {
  SourceRegistry registry = sources();
  registry.add<ShellOptions>("shell", make_shell);
  MethodChoice method(methods_with(registry), "method", "how observations are used", "enoi");
  assign(method, "ensemble", "shell");
  assign(method, "distance", "4");
  const TestInputs inputs;
  CHECK(is_used(method, "distance"));
  CHECK(!is_used(method, "covariance"));
  CHECK(nrmse(method.make(inputs)) < 0.235);
  // And a hybrid, whose members are not the source's.
  assign(method, "method", "hybrid");
  CHECK(is_used(method, "distance"));
  CHECK(is_used(method, "members"));
  CHECK(!is_used(method, "generated"));
  CHECK(method.make(inputs)->members() == 12);
  assign(method, "ensemble", "static");
  CHECK(!is_used(method, "distance"));
  CHECK(is_used(method, "generated"));
}

TEST_CASE("methods by name are those of the functions that make them", "[assimilation]") {
  const TestInputs inputs;
  MethodChoice method(methods(), "method", "how observations are used", "etkf");
  assign(method, "members", "5");
  assign(method, "prior-variance-inflation", "1.1");
  CHECK(method.make(inputs)->description() == etkf(5, {1.1})->description());
  // Options of one name have one value, and a default of each method's own.
  const auto described = [&](const std::string& name) {
    assign(method, "method", name);
    assign(method, "covariance", "climatology");
    return method.make(inputs)->description();
  };
  CHECK_THAT(described("3dvar"), contains_text("outer_loops 100 tolerance 1e-08"));
  CHECK_THAT(described("4dvar"), contains_text("outer_loops 10 "));
  CHECK_THAT(described("4dvar"), contains_text("steps_per_cycle 10 "));
  assign(method, "outer-loops", "3");
  CHECK_THAT(described("3dvar"), contains_text("outer_loops 3 "));
  CHECK_THAT(described("4dvar"), contains_text("outer_loops 3 "));
  // Without a covariance, a static method says that it needs one.
  MethodChoice bare(methods(), "method", "how observations are used", "oi");
  CHECK_THROWS_AS(bare.make(inputs), ArgumentError);
  // All are made, but those that need a file.
  for (const auto& entry : methods().entries()) {
    assign(method, "method", entry.name);
    CHECK(!method.make(inputs)->description().empty());
  }
}
