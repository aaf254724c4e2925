#include "vmm/host/otlp_post.h"

#include <curl/curl.h>

#include <memory>

namespace inro::vmm {
namespace {

std::size_t Swallow(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int AbortIf(void* give_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<const std::function<bool()>*>(give_up))() ? 1 : 0;
}

}  // namespace

void PrepareOtlpPosts() { curl_global_init(CURL_GLOBAL_DEFAULT); }

Result<long> PostOtlp(const std::string& url, std::string_view content_type,
                      const std::string& body, const OtlpPostLimits& limits,
                      const std::function<bool()>& give_up) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  if (!curl) return Fail("cannot make a request");
  // No "Expect: 100-continue": a collector that stalls would hold it up.
  curl_slist* list =
      curl_slist_append(nullptr, fmt::format("Content-Type: {}", content_type).c_str());
  list = curl_slist_append(list, "Expect:");
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            curl_slist_free_all);
  std::function<bool()> asked = give_up;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(limits.connect.count()));
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limits.request.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Swallow);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &AbortIf);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &asked);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_ABORTED_BY_CALLBACK) return Fail("it did not answer in time");
  if (code != CURLE_OK) return Fail("{}", curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool IsWorthAnotherTry(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

Result<std::string> OtlpUrl(const std::string& url, std::string_view path) {
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || url.size() == scheme) {
    return FailAs(ErrorKind::kBadInput,
                  "--otlp: \"{}\" is no URL of a collector (http://localhost:4318)", url);
  }
  const std::size_t slash = url.find('/', scheme);
  if (slash == std::string::npos) return url + std::string(path);
  if (slash + 1 == url.size()) return url + std::string(path.substr(1));
  return url;
}

}  // namespace inro::vmm
