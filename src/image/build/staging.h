// Outputs that appear together: files are written into a folder beside their place and renamed into
// it when all of them are complete.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file.h"
#include "sys/interrupt.h"

namespace inro::image {

// The folders of a path that were not there. The owner takes those away again that are empty when
// it ends; one with something in it stays.
class MadeFolders {
 public:
  static Result<MadeFolders> Make(const std::string& path);
  MadeFolders(MadeFolders&&) noexcept = default;
  MadeFolders& operator=(MadeFolders&&) = delete;
  ~MadeFolders() { RemoveEmpty(paths_); }

  const std::vector<std::string>& paths() const { return paths_; }  // outermost first
  static void RemoveEmpty(const std::vector<std::string>& paths);

 private:
  explicit MadeFolders(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  std::vector<std::string> paths_;
};

class Staging {
 public:
  // `out_dir` is made when absent, and goes again when nothing is published. With `interrupt`,
  // Ctrl-C removes what is half-made.
  static Result<Staging> Create(const std::string& out_dir, sys::Interrupt* interrupt);

  // Writes a file that Publish will move to out_dir/NAME, mode 0644 whatever the umask.
  Result<> Write(const std::string& name, std::string_view bytes);
  // The same for a large file with holes: `fill` gets the path of a new, empty file.
  Result<> Make(const std::string& name, const std::function<Result<>(const std::string&)>& fill);

  // Renames every file into place, in the order of writing.
  Result<> Publish();

 private:
  Staging(std::string out_dir, MadeFolders made, sys::TempDir folder,
          sys::Interrupt::Registration registration)
      : out_dir_(std::move(out_dir)),
        made_(std::move(made)),
        registration_(std::move(registration)),
        folder_(std::move(folder)) {}

  std::string out_dir_;
  MadeFolders made_;  // outlives the folder inside it
  sys::Interrupt::Registration registration_;
  sys::TempDir folder_;
  std::vector<std::string> names_;
};

}  // namespace inro::image
