// papillon <subcommand> [options]
#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <limits>
#include <memory>
#include <new>

#include "papillon/apps/build_info.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/option_list.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

// Help that starts with an example.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string example) : example_(std::move(example)) {}
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    const std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
    if (mode == CLI::AppFormatMode::Sub) return help;
    return "Example:\n" + example_ + "\n" + help;
  }

 private:
  std::string example_;
};

constexpr const char* program_example =
    "  papillon generate --out data\n"
    "  papillon train --data data/train.nc --validation data/validation.nc --out run\n"
    "  papillon sample --model run/model.safetensors --count 131072 --out samples.npy\n"
    "  papillon evaluate --samples samples.npy --reference data/test.nc\n";

constexpr const char* program_footer =
    "Options come from defaults, then a TOML file (--config: a table such as [train] for each\n"
    "subcommand), then the environment (PAPILLON_BATCH_SIZE for --batch-size), then flags.\n"
    "Exit codes: 0 done; 2 bad usage; 3 a file that is missing, malformed, does not fit or cannot\n"
    "be written; 4 a run that failed numerically; 130 interrupted, after saving.";

std::string first_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void write_json(const Context& context, double seconds, Json results) {
  const Json json = result_document(context, seconds, std::move(results));
  const std::string text = json.dump(2) + "\n";
  if (context.json == "-") {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
      throw OutputError("stdout: the result could not be written");
  } else {
    write_file_atomically(context.json, text);
  }
}

// The settings of all sources, in order of precedence: command line, environment, file, preset.
void resolve(Command& command, std::vector<Option>& options, CLI::App& app, const CLI::App& program,
             Context& context) {
  const auto apply = [&](Settings settings) {
    apply_settings(app, settings);
    context.layers.push_back(std::move(settings));
    assign(options, context.layers);
  };
  apply(given_settings(app));
  apply(environment_settings(app));
  if (context.config.empty()) context.config = command.default_config();
  if (!context.config.empty())
    apply(read_settings(context.config, program, command.name(), context.runs));
  apply(command.preset());
  require_used(options, context.layers.front());
  context.command = command.name();
  context.settings = command.options().empty() ? resolved_settings(app) : to_json(options);
}

int run_command(Command& command, CLI::App& app, const CLI::App& program, Context& context) {
  std::vector<Option> options = command.options();
  append_options(options, context, "Common options");
  resolve(command, options, app, program, context);
  if (context.json != "-") require_writable_file(context.json, "--json");
  refuse_shared_files(context.settings, context.json);
  set_thread_count(context.threads);
  context.say_when_interrupted("what was finished is kept");
  announce_memory(!context.quiet);
  const auto start = Clock::now();
  Json results = command.run(context);
  const double seconds = seconds_since(start);
  const bool failed = results.is_object() && results.contains("failed");
  const Json why = failed ? results["failed"] : Json();
  if (failed) results.erase("failed");
  if (!context.json.empty()) write_json(context, seconds, std::move(results));
  if (why.is_string()) throw NumericalError(why.get<std::string>());
  return failed ? exit_numerical : exit_done;
}

int fail(int code, const std::string& where, const std::string& what) {
  print_message("{}{}: error:{} {}\n", colours() ? "\033[1;31m" : "", where,
                colours() ? "\033[0m" : "", first_line(what));
  return code;
}

int run(int argc, char** argv) {
  Context context;
  context.command_line = "papillon";
  for (int i = 1; i < argc; ++i) context.command_line += std::string(" ") + argv[i];
  CLI::App program("Diffusion models that learn strange attractors, from scratch.", "papillon");
  program.formatter(std::make_shared<HelpFormatter>(program_example));
  program.footer(program_footer);
  program.set_version_flag("--version",
                           fmt::format("papillon {} ({})", program_version, program_commit));
  program.require_subcommand(1);
  program.option_defaults()->always_capture_default();

  std::vector<std::pair<std::unique_ptr<Command>, CLI::App*>> commands;
  for (auto make : {make_generate, make_train, make_sample, make_evaluate, make_surrogate,
                    make_assimilate, make_gradcheck, make_bench, make_info}) {
    std::unique_ptr<Command> command = make();
    CLI::App* app = program.add_subcommand(command->name(), command->about());
    app->formatter(std::make_shared<HelpFormatter>(command->example()));
    app->footer(command->notes());
    command->add_options(*app);
    std::vector<Option> options = command->options();
    append_options(options, context, "Common options");
    declare(*app, options);
    commands.emplace_back(std::move(command), app);
  }

  std::string where = "papillon";
  try {
    try {
      program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      for (const auto& [command, app] : commands)
        if (app->parsed()) where += std::string(" ") + command->name();
      if (error.get_exit_code() == 0) return program.exit(error);  // help and version
      return fail(exit_usage, where,
                  fmt::format("{} (see {} --help)", first_line(error.what()), where));
    }
    for (const auto& [command, app] : commands) {
      if (!app->parsed()) continue;
      where += std::string(" ") + command->name();
      const int code = run_command(*command, *app, program, context);
      // What was printed has to arrive, too.
      if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        throw OutputError("stdout: what was printed could not be written");
      return code;
    }
  } catch (const UsageError& error) {
    return fail(exit_usage, where, error.what());
  } catch (const ArgumentError& error) {
    return fail(exit_usage, where, error.what());
  } catch (const NumericalError& error) {
    return fail(exit_numerical, where, error.what());
  } catch (const Interrupted& stop) {
    if (!context.quiet) print_message("{}: {}\n", where, stop.what());
    return exit_interrupted;
  } catch (const Error& error) {
    return fail(exit_input, where, error.what());
  } catch (const std::bad_alloc&) {
    return fail(exit_input, where, "not enough memory for this much data");
  } catch (const std::exception& error) {
    return fail(exit_input, where, error.what());
  }
  return exit_usage;
}

}  // namespace

Json result_document(const Context& context, double seconds, Json results) {
  Json json;
  json["command"] = context.command;
  json["version"] = program_version;
  json["commit"] = program_commit;
  json["seed"] = context.seed;
  json["threads"] = thread_count();
  json["config"] = context.settings;
  json["seconds"] = seconds;
  json["results"] = std::move(results);
  return json;
}

void Context::say_when_interrupted(const std::string& what) const {
  set_interrupt_line(quiet ? "" : fmt::format("papillon {}: interrupted; {}\n", command, what));
}

void require(const std::string& value, const char* option) {
  if (value.empty()) throw UsageError(fmt::format("{} is needed", option));
}

}  // namespace papillon::apps

int main(int argc, char** argv) {
  papillon::apps::install_signal_handlers();
  const int code = papillon::apps::run(argc, argv);
  // HDF5 keeps a file that it could not write (a full disk) and crashes on it at exit: no exit
  // handlers after a failure.
  std::fflush(nullptr);
  if (code != papillon::apps::exit_done) _exit(code);
  return code;
}
