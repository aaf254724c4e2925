#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace inro {

struct Error::Data {
  ErrorKind kind;
  int sys_errno = 0;
  std::string message;
  std::string file;
  int line = 0;
  std::shared_ptr<const Data> cause;
};

Error::Error(ErrorKind kind, std::string message) {
  auto data = std::make_shared<Data>();
  data->kind = kind;
  data->message = std::move(message);
  data_ = std::move(data);
}

Error Error::FromErrno(std::string_view attempted, int err) {
  auto data = std::make_shared<Data>();
  data->kind = err == ENOENT ? ErrorKind::kNotFound : ErrorKind::kFailed;
  data->sys_errno = err;
  data->message = fmt::format("{}: {}", attempted, strerror(err));
  return Error(std::move(data));
}

Error Error::FromErrno(std::string_view attempted) { return FromErrno(attempted, errno); }

Error Error::InFile(std::string_view file, int line, std::string message) {
  auto data = std::make_shared<Data>();
  data->kind = ErrorKind::kBadInput;
  data->message = std::move(message);
  data->file = file;
  data->line = line;
  return Error(std::move(data));
}

Error Error::Wrap(std::string message) const {
  auto data = std::make_shared<Data>();
  data->kind = data_->kind;
  data->sys_errno = data_->sys_errno;
  data->message = std::move(message);
  data->cause = data_;
  return Error(std::move(data));
}

ErrorKind Error::kind() const { return data_->kind; }
int Error::sys_errno() const { return data_->sys_errno; }
const std::string& Error::message() const { return data_->message; }
const std::string& Error::file() const { return data_->file; }
int Error::line() const { return data_->line; }

std::string Error::ToString() const {
  std::string text;
  for (const Data* level = data_.get(); level != nullptr; level = level->cause.get()) {
    if (!text.empty()) text += ": ";
    if (!level->file.empty()) {
      text += level->line > 0 ? fmt::format("{}:{}: ", level->file, level->line)
                              : fmt::format("{}: ", level->file);
    }
    text += level->message;
  }
  return text;
}

int ExitCode(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kBadInput:
      return 2;
    case ErrorKind::kInterrupted:
      return 130;
    default:
      return 1;
  }
}

}  // namespace inro
