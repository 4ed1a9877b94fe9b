#include "papillon/apps/interrupt.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <deque>
#include <exception>

#include "papillon/tensor/temporary_file.hpp"

namespace papillon::apps {
namespace {

// All that the handlers touch is atomic, and all that they call is async-signal-safe.
std::atomic<int> patient{0}, saving{0};
std::atomic<bool> asked{false};  // a signal has come
std::atomic<bool> due{false};    // it has waited long enough: the process ends when all is saved
std::atomic<bool> ending{false};
std::atomic<const char*> interrupt_line{"papillon: interrupted\n"};
std::atomic<pid_t> child_process{0};
std::atomic<bool> terminal{false};  // stderr is one

constexpr unsigned patience_seconds = 1;

// Not blocked by a pipe that nobody empties.
void write_line(const char* text) {
  pollfd err = {STDERR_FILENO, POLLOUT, 0};
  if (::poll(&err, 1, 0) != 1 || (err.revents & POLLOUT) == 0) return;
  if (terminal && ::write(STDERR_FILENO, "\r\033[K", 4) < 0) return;  // a bar
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

[[noreturn]] void end_process() {
  if (ending.exchange(true))
    for (;;) ::pause();  // another thread does it
  if (const pid_t child = child_process; child > 0) ::kill(child, SIGKILL);
  remove_temporary_files();
  write_line(interrupt_line);
  ::_exit(exit_interrupted);
}

void end_when_saved() {
  due = true;
  if (saving == 0) end_process();
}

extern "C" void on_signal(int) {
  if (asked.exchange(true)) end_process();
  if (patient > 0)
    ::alarm(patience_seconds);
  else
    end_when_saved();
}

extern "C" void on_alarm(int) {
  end_when_saved();
}

}  // namespace

void install_signal_handlers() {
  terminal = ::isatty(STDERR_FILENO) != 0;
  struct sigaction action = {}, before = {};
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM}) sigaddset(&action.sa_mask, signal);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = on_signal;
  // Also where a shell has SIGINT ignored, as for what scripts start in the background: who sends
  // it there means this process. Under nohup a lost terminal is no reason to stop.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
  sigprocmask(SIG_UNBLOCK, &action.sa_mask, nullptr);  // as a parent may have left them
  // A reader that goes away (papillon ... | head) is an error of that write.
  std::signal(SIGPIPE, SIG_IGN);
}

void set_interrupt_line(const std::string& text) {
  // None is freed: a handler may be reading the one before.
  static auto& lines = *new std::deque<std::string>;
  interrupt_line = lines.emplace_back(text).c_str();
}

void set_child(pid_t child) {
  child_process = child;
}

Patience::Patience() {
  ++patient;
}

Patience::~Patience() {
  if (--patient > 0) return;
  ::alarm(0);
  // An exception is on its way with what there is to say.
  if (asked && std::uncaught_exceptions() == 0) end_when_saved();
}

bool interrupted() {
  return asked;
}

SaveInProgress::SaveInProgress() {
  ++saving;
}

SaveInProgress::~SaveInProgress() {
  if (--saving == 0 && due) end_process();
}

}  // namespace papillon::apps
