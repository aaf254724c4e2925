// Files and trees that are copied between host and guest: the Copy* calls of proto/control.proto.
//
// Calls run on workers, several of one copy at a time. A copy belongs to the connection that began
// it and ends with it: what was half written goes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "protocol/copy_message.h"
#include "wire/server.h"

namespace inro::guest::control {

class CopyService {
 public:
  explicit CopyService(bool allowed) : allowed_(allowed) {}
  CopyService(const CopyService&) = delete;
  CopyService& operator=(const CopyService&) = delete;
  ~CopyService();

  // The service must outlive the server that they go to.
  std::vector<wire::Method> Methods();
  void ConnectionClosed(std::uint64_t connection);

  static constexpr std::size_t kMostCopies = 64;

 private:
  struct Copy;

  template <class Request, class Handle>
  wire::Method Make(std::string_view name, Handle handle);
  Result<std::string> Open(std::uint64_t connection, const protocol::CopyOpenRequest& request);
  Result<std::string> Begin(std::uint64_t connection, const protocol::CopyBeginRequest& request);
  Result<std::string> Add(std::uint64_t connection, std::shared_ptr<Copy> copy);
  Result<std::shared_ptr<Copy>> Find(std::uint64_t connection, std::uint64_t id);

  const bool allowed_;
  std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Copy>> copies_;
};

}  // namespace inro::guest::control
