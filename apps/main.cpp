// papillon <subcommand> [options]
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
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
    "be written, or too little memory; 4 a run that failed numerically; 130 interrupted, after\n"
    "saving.";

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
void resolve(Command& command, std::vector<Option>& options, const CLI::App& app,
             const CLI::App& program, Context& context) {
  const auto apply = [&](Settings settings) {
    context.layers.push_back(std::move(settings));
    assign(options, context.layers);
  };
  apply(given_settings(app));
  apply(environment_settings(app));
  if (context.config.empty()) context.config = command.default_config();
  if (!context.config.empty())
    apply(read_settings(context.config, program, command.name(), context.runs));
  apply(command.preset());
  if (context.runs.empty()) require_used(options, context.layers.front());
  context.command = command.name();
  context.settings = to_json(options);
}

int run_command(Command& command, CLI::App& app, const CLI::App& program, Context& context) {
  std::vector<Option> options = command.options();
  append_options(options, context, "Common options");
  resolve(command, options, app, program, context);
  if (context.json != "-") require_writable_file(context.json, "--json");
  check_files(options);
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

// The program's subcommands and how they are parsed.
struct Program {
  CLI::App app{"Diffusion models that learn strange attractors, from scratch.", "papillon"};
  std::vector<std::pair<std::unique_ptr<Command>, CLI::App*>> commands;

  explicit Program(Context& context) {
    app.formatter(std::make_shared<HelpFormatter>(program_example));
    app.footer(program_footer);
    app.set_version_flag("--version",
                         fmt::format("papillon {} ({})", program_version, program_commit));
    app.require_subcommand(1);
    app.option_defaults()->always_capture_default();
    for (auto make : {make_generate, make_train, make_sample, make_evaluate, make_surrogate,
                      make_assimilate, make_gradcheck, make_bench, make_info}) {
      std::unique_ptr<Command> command = make();
      CLI::App* parser = app.add_subcommand(command->name(), command->about());
      parser->formatter(std::make_shared<HelpFormatter>(command->example()));
      parser->footer(command->notes());
      std::vector<Option> options = command->options();
      append_options(options, context, "Common options");
      declare(*parser, options);
      commands.emplace_back(std::move(command), parser);
    }
  }

  // Throws UsageError for a first argument that is neither a subcommand nor an option.
  void require_subcommand(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [command, parser] : commands) names.emplace_back(command->name());
    if (name.rfind('-', 0) != 0 && std::find(names.begin(), names.end(), name) == names.end())
      throw UsageError(fmt::format("'{}' is no subcommand; must be one of {} (see papillon --help)",
                                   name, fmt::join(names, ", ")));
  }
};

// where: "papillon", then with the subcommand.
int parse_and_run(int argc, char** argv, Context& context, std::string& where) {
  Program program(context);
  if (argc > 1) program.require_subcommand(argv[1]);
  std::string problem;
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.app.exit(error);  // help and version
    problem = first_line(error.what());
  }
  for (const auto& [command, parser] : program.commands) {
    if (!parser->parsed()) continue;
    where += std::string(" ") + command->name();
    if (!problem.empty()) break;
    const int code = run_command(*command, *parser, program.app, context);
    // What was printed has to arrive, too.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw OutputError("stdout: what was printed could not be written");
    return code;
  }
  throw UsageError(fmt::format("{} (see {} --help)", problem, where));
}

int run(int argc, char** argv) {
  Context context;
  context.command_line = "papillon";
  for (int i = 1; i < argc; ++i) context.command_line += std::string(" ") + argv[i];
  std::string where = "papillon";
  try {
    return parse_and_run(argc, argv, context, where);
  } catch (const UsageError& error) {
    return fail(exit_usage, where, error.what());
  } catch (const ArgumentError& error) {
    return fail(exit_usage, where, error.what());
  } catch (const NumericalError& error) {
    return fail(exit_numerical, where, error.what());
  } catch (const Interrupted& stop) {
    if (!context.quiet) print_message("{}: {}\n", where, stop.what());
    return exit_interrupted;
  } catch (const std::bad_alloc&) {
    return fail(exit_input, where, "not enough memory for this much data");
  } catch (const std::exception& error) {
    return fail(exit_input, where, error.what());
  }
}

}  // namespace

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
