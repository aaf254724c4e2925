// The program `inro` itself, as a user runs it: in a process of its own, with folders of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "guest_build.h"
#include "sys/file.h"
#include "sys/subprocess.h"

namespace inro::boot_test {

// Tries until it is true or the time is over.
bool Eventually(const std::function<bool()>& holds,
                std::chrono::milliseconds limit = std::chrono::milliseconds(60'000));

// A process that runs beside the test, killed with its object, and what it has started too.
class Beside {
 public:
  // `log` takes both outputs.
  static Result<Beside> Start(const std::vector<std::string>& argv,
                              const std::vector<std::string>& environment, const std::string& log);
  Beside(Beside&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Beside& operator=(Beside&&) = delete;
  ~Beside();

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Its exit code, or 128 + signal. kTimeout.
  Result<int> Wait(std::chrono::milliseconds limit = std::chrono::milliseconds(60'000));

 private:
  explicit Beside(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

// Fixture: the guests of one case are below a folder of their own, and are ended after it.
class InroProgram : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Runs `inro` with these words.
  sys::RunOutput Inro(const std::vector<std::string>& words);
  // The same, and expects success; what it printed.
  std::string Done(const std::vector<std::string>& words);
  // The same as JSON.
  nlohmann::json Json(std::vector<std::string> words);
  // Starts the artifact as a detached guest of that name, and waits for its agent's answer.
  void BootDetached(const GuestSpec& spec, const image::Variant& variant, const std::string& name,
                    const std::vector<std::string>& words = {});
  // Of `inro ps`; null when it does not list the guest.
  nlohmann::json Listed(const std::string& name);
  // Runs a shell script in a guest; what it printed.
  std::string Shell(const std::string& guest, const std::string& script);

  std::string folder() const { return folder_->path(); }
  std::string run_folder(const std::string& name) const {
    return folder() + "/run/inro/guests/" + name;
  }
  std::vector<std::string> Environment() const;

 private:
  std::unique_ptr<sys::TempDir> folder_;
  std::vector<pid_t> started_;  // supervisors and QEMUs of detached guests
};

// Whether the process is there, and no zombie.
bool Lives(pid_t pid);

}  // namespace inro::boot_test
