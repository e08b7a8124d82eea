// A QuickFIX acceptor that takes signed orders: acceptor SETTINGS PUBLIC_KEY REPORT
//
// It checks the signature of the Logon, and that of each order over the bytes that it received. An order that rests
// far from the market (Price(44) below that of the market) waits for its cancel, any other trades in full at once. Each
// execution becomes a line of the report. What must not happen (an order or a cancel that comes twice, a signature that does
// not fit) ends the program with 1.
//
//   stdout: ready          it listens
//   stdin:  a line         stop
//   stdout: out=N in=N orders=N verified=N resent=N executions=N
#include <quickfix/Application.h>
#include <quickfix/Log.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>
#include <sys/prctl.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <unordered_set>

#include "signing.hpp"

namespace {

[[noreturn]] void fail(const std::string& why) {
  std::cerr << "acceptor: " << why << std::endl;
  std::_Exit(1);
}

// The log is where QuickFIX shows a message as it came: parsed and written again, its fields would be sorted.
class Checker : public FIX::Log {
 public:
  Checker(EVP_PKEY* key, std::atomic<int>& verified) : key_(key), verified_(verified) {}

  void onIncoming(const std::string& message) override {
    if (message.find("\00135=D\001") == std::string::npos && message.find("\00135=F\001") == std::string::npos) return;
    const size_t trailer = message.rfind("\00193=88\00189=");
    if (trailer == std::string::npos) fail("not signed: " + message);
    const size_t begin = message.find('\001', message.find("\0019=") + 1) + 1;
    const std::string bytes = message.substr(begin, trailer + 1 - begin);
    if (!sealgate::is_signed(key_, bytes, message.substr(trailer + 10, 88))) fail("wrongly signed: " + message);
    verified_++;
  }

  void clear() override {}
  void backup() override {}
  void onOutgoing(const std::string&) override {}
  void onEvent(const std::string&) override {}

 private:
  EVP_PKEY* key_;
  std::atomic<int>& verified_;
};

class Checkers : public FIX::LogFactory {
 public:
  explicit Checkers(EVP_PKEY* key) : key_(key) {}
  FIX::Log* create() override { return new Checker(key_, verified); }
  FIX::Log* create(const FIX::SessionID&) override { return new Checker(key_, verified); }
  void destroy(FIX::Log* log) override { delete log; }
  std::atomic<int> verified{0};

 private:
  EVP_PKEY* key_;
};

class Exchange : public FIX::Application {
 public:
  Exchange(EVP_PKEY* key, std::ofstream& report) : key_(key), report_(report) {}

  int orders() const { return static_cast<int>(known_.size()); }
  int executions() const { return executions_; }
  int resent() const { return resent_; }

  void onCreate(const FIX::SessionID&) override {}
  void onLogon(const FIX::SessionID&) override {}
  void onLogout(const FIX::SessionID&) override {}
  void toAdmin(FIX::Message&, const FIX::SessionID&) override {}

  void toApp(FIX::Message& message, const FIX::SessionID&) throw(FIX::DoNotSend) override {
    if (message.getHeader().isSetField(FIX::FIELD::PossDupFlag)) resent_++;
  }

  void fromAdmin(const FIX::Message& message, const FIX::SessionID&)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {
    const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
    if (type == "3") fail("rejected: " + message.toString());
    if (type != "A") return;
    if (!sealgate::is_signed(key_, sealgate::logon_payload(message), message.getField(FIX::FIELD::RawData)))
      fail("the Logon is wrongly signed: " + message.toString());
  }

  void fromApp(const FIX::Message& message, const FIX::SessionID& id)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    const std::string cl_ord_id = message.getField(FIX::FIELD::ClOrdID);
    if (message.getHeader().getField(FIX::FIELD::MsgType) == "F") {
      const std::string order = message.getField(FIX::FIELD::OrigClOrdID);
      if (!resting_.erase(order)) fail("canceled, and does not rest: " + order);
      FIX::Message canceled = execution(message, '4', '4', "0.00", "0.00");
      canceled.setField(FIX::OrigClOrdID(order));
      return tell(canceled, order, id);
    }
    if (!known_.insert(cl_ord_id).second) fail("entered twice: " + cl_ord_id);
    FIX::Message accepted = execution(message, '0', '0', "0.00", "0.01");
    tell(accepted, cl_ord_id, id);
    if (message.getField(FIX::FIELD::Price) != "100000.00") {
      resting_.insert(cl_ord_id);
      return;
    }
    FIX::Message traded = execution(message, 'F', '2', "0.01", "0.00");
    traded.setField(FIX::FIELD::SecondaryExecID, std::to_string(executions_));
    traded.setField(FIX::FIELD::LastQty, "0.01");
    traded.setField(FIX::FIELD::LastPx, "100000.00");
    tell(traded, cl_ord_id, id);
  }

 private:
  FIX::Message execution(const FIX::Message& order, char type, char status, const char* cum, const char* leaves) {
    FIX::Message report;
    report.getHeader().setField(FIX::MsgType("8"));
    for (int tag : {FIX::FIELD::ClOrdID, FIX::FIELD::Symbol, FIX::FIELD::Side, FIX::FIELD::OrderQty, FIX::FIELD::Price})
      if (order.isSetField(tag)) report.setField(tag, order.getField(tag));
    executions_++;
    report.setField(FIX::OrderID(std::to_string(known_.size())));
    report.setField(FIX::ExecID(std::to_string(executions_)));
    report.setField(FIX::ExecType(type));
    report.setField(FIX::OrdStatus(status));
    report.setField(FIX::FIELD::CumQty, cum);
    report.setField(FIX::FIELD::LeavesQty, leaves);
    report.setField(FIX::FIELD::AvgPx, "0.00");
    report.setField(FIX::TransactTime(FIX::UtcTimeStamp(), 3));
    return report;
  }

  void tell(FIX::Message& report, const std::string& order, const FIX::SessionID& id) {
    report_ << order << ' ' << report.getField(FIX::FIELD::ExecType) << ' ' << report.getField(FIX::FIELD::OrdStatus)
            << ' ' << report.getField(FIX::FIELD::CumQty) << '\n';
    FIX::Session::sendToTarget(report, id);
  }

  EVP_PKEY* key_;
  std::ofstream& report_;
  std::unordered_set<std::string> known_, resting_;
  int executions_ = 0;
  std::atomic<int> resent_{0};
};

}  // namespace

int main(int count, char** arguments) try {
  // Whoever started this may be killed; then nobody reads.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count != 4) fail("needs SETTINGS KEY REPORT");
  FIX::SessionSettings settings(arguments[1]);
  const sealgate::Key key = sealgate::read_key(arguments[2]);
  std::ofstream report(arguments[3]);
  Exchange exchange(key.get(), report);
  Checkers checkers(key.get());
  FIX::MemoryStoreFactory store;
  FIX::SocketAcceptor acceptor(exchange, store, settings, checkers);
  acceptor.start();
  std::cout << "ready" << std::endl;
  std::string line;
  if (!std::getline(std::cin, line)) fail("nobody listens any more");
  acceptor.stop();
  FIX::Session& session = *FIX::Session::lookupSession(*settings.getSessions().begin());
  report.flush();
  std::cout << "out=" << session.getExpectedSenderNum()
            << " in=" << session.getExpectedTargetNum() << " orders=" << exchange.orders()
            << " verified=" << checkers.verified << " resent=" << exchange.resent()
            << " executions=" << exchange.executions() << std::endl;
  return 0;
} catch (const std::exception& error) {
  fail(error.what());
}
