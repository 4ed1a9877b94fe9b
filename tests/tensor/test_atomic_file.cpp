// A file appears whole or not at all, and what was there stays until then.
#include "papillon/tensor/atomic_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/temporary_file.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
namespace fs = std::filesystem;

namespace {

// A child that has a file open and half written; it ends only by a signal.
class Writer {
 public:
  explicit Writer(
      const fs::path& target, void (*more)(AtomicFile&) = [](AtomicFile&) {}) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      AtomicFile file(target);
      file.write("half", 4);
      std::fflush(file.stream());
      more(file);
      if (::write(ready[1], "x", 1) == 1) ::pause();
      ::_exit(1);
    }
    char byte = 0;
    ::close(ready[1]);
    if (::read(ready[0], &byte, 1) != 1) pid_ = -1;
    ::close(ready[0]);
  }
  ~Writer() { end(SIGKILL); }
  bool started() const { return pid_ > 0; }
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("A committed file replaces the old one, and nothing else is left") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  CHECK(file_contents(folder / "a") == "old");
  {
    AtomicFile file(folder / "a");
    file.write("ne", 2);
    CHECK(file_contents(folder / "a") == "old");
    file.write("w", 1);
    file.commit();
    CHECK(file_contents(folder / "a") == "new");
    CHECK_THROWS_AS(file.write("x", 1), OutputError);
    file.commit();  // once is enough
  }
  CHECK(file_contents(folder / "a") == "new");
  CHECK(folder.files() == 1);
}

TEST_CASE("A file that is not committed leaves nothing behind") {
  const TemporaryFolder folder;
  put_file(folder / "a", "old");
  {
    AtomicFile a(folder / "a"), b(folder / "a"), c(folder / "new");
    a.write("x", 1);
    CHECK(folder.files() == 4);
  }
  CHECK(folder.files() == 1);
  CHECK(file_contents(folder / "a") == "old");
}

TEST_CASE("Other writers can fill the temporary file") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a");
  put_file(file.temporary(), "theirs");
  file.commit();
  CHECK(file_contents(folder / "a") == "theirs");
}

TEST_CASE("A symbolic link stays one") {
  const TemporaryFolder folder;
  put_file(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(file_contents(folder / "target") == "new");
}

TEST_CASE("What cannot be written is one line that names it") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(write_file_atomically(folder / "no/such", "x"), contains_text("no/such"));
  CHECK_THROWS_AS(write_file_atomically(folder.path(), "x"), OutputError);
  CHECK_THROWS_AS(write_file_atomically("", "x"), OutputError);
  CHECK(folder.files() == 0);
}

TEST_CASE("A full disk is an error, and devices are not replaced") {
  if (!fs::is_character_file("/dev/full")) return;
  CHECK_THROWS_AS(write_file_atomically("/dev/full", "x"), OutputError);
  CHECK(fs::is_character_file("/dev/full"));
  write_file_atomically("/dev/null", "x");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("A read-only folder is an error") {
  const TemporaryFolder folder;
  put_file(folder / "a", "old");
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  if (::access(folder.path().c_str(), W_OK) == 0) return;  // root is never denied
  CHECK_THROWS_AS(write_file_atomically(folder / "a", "new"), OutputError);
  CHECK(file_contents(folder / "a") == "old");
}

TEST_CASE("What a killed process has left goes when a file is next written in the folder") {
  const TemporaryFolder folder;
  Writer writer(folder / "a");
  REQUIRE(writer.started());
  CHECK(folder.files() == 1);
  writer.end(SIGKILL);
  CHECK(folder.files() == 1);
  write_file_atomically(folder / "b", "whole");
  CHECK(folder.files() == 1);
  CHECK(file_contents(folder / "b") == "whole");
}

TEST_CASE("The temporary file of a process that lives is left alone") {
  const TemporaryFolder folder;
  // HDF5 opens the file by its path, locks it in its own way and may close it again.
  const auto as_hdf5 = [](AtomicFile& file) {
    const int fd = ::open(file.temporary().c_str(), O_RDWR);
    if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0) ::_exit(1);
    if (::write(fd, "data", 4) != 4) ::_exit(1);
    ::close(fd);
  };
  Writer plain(folder / "a"), library(folder / "b", as_hdf5);
  REQUIRE(plain.started());
  REQUIRE(library.started());
  write_file_atomically(folder / "c", "whole");
  CHECK(folder.files() == 3);
}

TEST_CASE("Files of other makers, links and folders are no orphans") {
  const TemporaryFolder folder;
  put_file(folder / "kept", "x");
  fs::path orphan;
  {
    Writer writer(folder / "a");
    REQUIRE(writer.started());
    for (const fs::path& file : fs::directory_iterator(folder.path()))
      if (file.extension() == ".tmp") orphan = file;
  }
  const std::string name = orphan.filename().string();  // a.papillon-<boot>-<pid>-<serial>.tmp
  for (const char* other :
       {"notes.tmp", "a.12-3.tmp", "backup.2024-11.tmp", ".tmp", "a.papillon-x-1-2.tmp",
        "a.papillon-0123abcd-1-.tmp", "a.papillon-0123abcd-1.tmp", "a.papillon-0123abcd--1.tmp"})
    put_file(folder / other, "theirs");
  put_file(folder / (name + ".txt"), "theirs");
  put_file(folder / name.substr(1), "theirs");  // of no target
  fs::create_directory(folder / ("d" + name));
  fs::create_symlink("kept", folder / ("l" + name));
  fs::create_hard_link(folder / "kept", folder / ("h" + name));
  const std::size_t before = folder.files();
  write_file_atomically(folder / "new", "x");
  CHECK(folder.files() == before);  // one more, and the orphan is gone
  CHECK_FALSE(fs::exists(orphan));
  CHECK(fs::is_symlink(folder / ("l" + name)));
}

TEST_CASE("Files of another machine, or of an earlier start of this one, are kept for a day") {
  const TemporaryFolder folder;
  put_file(folder / "a.papillon-0123abcd-1-0.tmp", "half");
  put_file(folder / "b.papillon-0123abcd-1-1.tmp", "half");
  fs::last_write_time(folder / "b.papillon-0123abcd-1-1.tmp",
                      fs::file_time_type::clock::now() - std::chrono::hours(25));
  write_file_atomically(folder / "new", "x");
  CHECK(fs::exists(folder / "a.papillon-0123abcd-1-0.tmp"));
  CHECK_FALSE(fs::exists(folder / "b.papillon-0123abcd-1-1.tmp"));
}

TEST_CASE("Many processes that start at once in a folder full of orphans all get their files") {
  const TemporaryFolder folder;
  {
    std::vector<std::unique_ptr<Writer>> writers;
    for (int i = 0; i < 20; ++i) writers.push_back(std::make_unique<Writer>(folder / "orphan"));
  }
  CHECK(folder.files() == 20);
  std::vector<pid_t> children;
  for (int i = 0; i < 16; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (int n = 0; n < 5; ++n)
          write_file_atomically(folder / ("file" + std::to_string(i)), "whole");
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(folder.files() == 16);
}

TEST_CASE("A host that ends at once can take its temporary files with it") {
  const TemporaryFolder folder;
  AtomicFile parents(folder / "parents");
  const pid_t child = ::fork();
  if (child == 0) {  // it has the parent's list, and is not to touch the parent's files
    AtomicFile a(folder / "a"), b(folder / "b");
    { AtomicFile gone(folder / "gone"); }
    write_file_atomically(folder / "whole", "x");
    fs::current_path("/");
    remove_temporary_files();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  CHECK(folder.files() == 2);
  CHECK(file_contents(folder / "whole") == "x");
  parents.commit();
  CHECK(folder.files() == 2);
}
