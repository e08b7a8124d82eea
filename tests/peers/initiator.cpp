// A QuickFIX initiator that trades signed orders: initiator SETTINGS ORDERS REPORT
//
// Each session of the settings sends ORDERS orders, most of them at one price, all on its own side of the book, so
// that in the end each has traded in full with one of the other session. Every eighth is far from the market and is
// canceled once it is accepted. What the venue says becomes the report: a line for each execution. What a crash of the
// venue left without an answer, or says that it lost, is asked for again, with PossResend(97). Then:
//
//   stdout: traded      all orders are done
//   stdin:  a line      the line is quiet now: log out
//   stdout: ALICE out=N in=N orders=N resent=N again=N executions=N repeated=N
//
// Anything that must not happen (a reject, an execution told in two ways) ends the program with 1.
#include <quickfix/Application.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketInitiator.h>
#include <sys/prctl.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>
#include <unordered_map>

#include "signing.hpp"

namespace {

const char* const CROSSING = "100000.00";
const int FAR_FROM_MARKET_EVERY = 8;
// Orders that are not done, of one session: enough to fill the line, few enough to recover quickly.
const int OPEN_MAX = 100;

[[noreturn]] void fail(const std::string& why) {
  std::cerr << "initiator: " << why << std::endl;
  std::_Exit(1);
}

std::string readable(const FIX::Message& message) {
  std::string text = message.toString();
  for (char& c : text)
    if (c == '\001') c = '|';
  return text;
}

// An order that is not done.
struct Open {
  bool is_far = false, accepted = false;
};

// One session: what it has sent and heard. Only the initiator's thread touches it, `done` apart.
struct Desk {
  std::string name, api_key, far_price;
  sealgate::Key key;
  char side = '1';
  int sent = 0, resent = 0, again = 0, repeated = 0, silent_heartbeats = 0;
  std::unordered_map<std::string, std::string> executions;
  std::map<std::string, Open> open;
  std::atomic<bool> done{false};
};

class Trader : public FIX::Application {
 public:
  Trader(const FIX::SessionSettings& settings, int orders, std::ofstream& report) : orders_(orders), report_(report) {
    for (const FIX::SessionID& id : settings.getSessions()) {
      const FIX::Dictionary& session = settings.get(id);
      Desk& desk = desks_[id];
      desk.name = id.getSenderCompID().getValue();
      desk.api_key = session.getString("ApiKey");
      desk.key = sealgate::read_key(session.getString("ApiKeyFile"));
      desk.side = session.getString("Side")[0];
      desk.far_price = desk.side == '1' ? "95000.00" : "105000.00";
    }
  }

  bool done() const {
    for (const auto& desk : desks_)
      if (!desk.second.done) return false;
    return true;
  }

  void tell_numbers() const {
    for (const auto& entry : desks_) {
      const Desk& desk = entry.second;
      FIX::Session& session = *FIX::Session::lookupSession(entry.first);
      std::cout << desk.name << " out=" << session.getExpectedSenderNum() << " in=" << session.getExpectedTargetNum()
                << " orders=" << desk.sent << " resent=" << desk.resent << " again=" << desk.again << " executions=" << desk.executions.size()
                << " repeated=" << desk.repeated << std::endl;
    }
  }

  void onCreate(const FIX::SessionID&) override {}
  void onLogon(const FIX::SessionID& id) override { trade(desks_.at(id), id); }
  void onLogout(const FIX::SessionID&) override {}

  void toAdmin(FIX::Message& message, const FIX::SessionID& id) override {
    const Desk& desk = desks_.at(id);
    if (message.getHeader().getField(FIX::FIELD::MsgType) == "A")
      sealgate::sign_logon(message, desk.api_key, desk.key.get());
  }

  void toApp(FIX::Message& message, const FIX::SessionID& id) throw(FIX::DoNotSend) override {
    Desk& desk = desks_.at(id);
    if (message.getHeader().isSetField(FIX::FIELD::PossDupFlag)) desk.resent++;
    sealgate::sign_message(message, desk.key.get());
  }

  void fromAdmin(const FIX::Message& message, const FIX::SessionID& id)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {
    const std::string type = message.getHeader().getField(FIX::FIELD::MsgType);
    if (type == "3") fail("rejected: " + readable(message));
    // By the third, all that was to be sent again has come: what has no answer now gets none.
    if (type == "0" && ++desks_.at(id).silent_heartbeats == 3) ask_again(desks_.at(id), id);
  }

  void fromApp(const FIX::Message& message, const FIX::SessionID& id)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    Desk& desk = desks_.at(id);
    desk.silent_heartbeats = 0;
    if (was_lost(message)) return ask_again_for(message.getField(FIX::FIELD::BusinessRejectRefID), desk, id);
    if (message.getHeader().getField(FIX::FIELD::MsgType) != "8") fail("refused: " + readable(message));
    const std::string type = message.getField(FIX::FIELD::ExecType);
    if (type == "8" || type == "C") fail("not wanted: " + readable(message));
    if (type == "I")
      desk.repeated++;
    else
      execution(desk, id, message, type);
    trade(desk, id);
  }

 private:
  void execution(Desk& desk, const FIX::SessionID& id, const FIX::Message& message, const std::string& type) {
    const auto field = [&](int tag) { return message.isSetField(tag) ? message.getField(tag) : std::string(); };
    const std::string exec_id = field(FIX::FIELD::ExecID);
    const bool was_canceled = message.isSetField(FIX::FIELD::OrigClOrdID);
    const std::string order = field(was_canceled ? FIX::FIELD::OrigClOrdID : FIX::FIELD::ClOrdID);
    const std::string line = desk.name + ' ' + exec_id + ' ' + order + ' ' + type + ' ' + field(FIX::FIELD::OrdStatus) +
                             ' ' + field(FIX::FIELD::CumQty) + ' ' + field(FIX::FIELD::LeavesQty) + ' ' +
                             field(FIX::FIELD::LastQty) + ' ' + field(FIX::FIELD::LastPx);
    const auto told = desk.executions.emplace(exec_id, line);
    if (!told.second) {
      // Told again after a crash of the venue, which says so. It must be the same.
      if (told.first->second != line) fail("told otherwise: " + line + " after " + told.first->second);
      if (!message.getHeader().isSetField(FIX::FIELD::PossResend)) fail("told twice: " + line);
      return;
    }
    report_ << line << '\n';
    const auto open = desk.open.find(order);
    if (open == desk.open.end()) fail("closed already: " + line);
    open->second.accepted = true;
    if (type == "0" && open->second.is_far) cancel(order, false, desk, id);
    const std::string status = field(FIX::FIELD::OrdStatus);
    if (status == "2" || status == "4") desk.open.erase(open);
  }

  void trade(Desk& desk, const FIX::SessionID& id) {
    while (desk.open.size() < OPEN_MAX && desk.sent < orders_) {
      const int number = ++desk.sent;
      const std::string order = desk.name + '-' + std::to_string(number);
      desk.open[order].is_far = number % FAR_FROM_MARKET_EVERY == 0;
      enter(order, false, desk, id);
    }
    if (desk.sent == orders_ && desk.open.empty()) {
      report_.flush();
      desk.done = true;
    }
  }

  // The same order under the same ClOrdID runs at most once, so nobody need know whether it ran.
  void ask_again(Desk& desk, const FIX::SessionID& id) {
    for (const auto& open : desk.open) {
      if (open.second.accepted && !open.second.is_far) continue;
      desk.again++;
      if (open.second.accepted)
        cancel(open.first, true, desk, id);
      else
        enter(open.first, true, desk, id);
    }
    desk.silent_heartbeats = 0;
  }

  // The venue ended before it took a request, and says so when it is back.
  static bool was_lost(const FIX::Message& message) {
    return message.getHeader().getField(FIX::FIELD::MsgType) == "j" &&
           message.getField(FIX::FIELD::Text).rfind("LostByRestart", 0) == 0;
  }

  void ask_again_for(const std::string& request, Desk& desk, const FIX::SessionID& id) {
    const bool is_cancel = request.size() > 2 && request.compare(request.size() - 2, 2, "-c") == 0;
    const std::string order = is_cancel ? request.substr(0, request.size() - 2) : request;
    // Unless the silence has asked for it before.
    if (desk.open.count(order) == 0) return;
    desk.again++;
    if (is_cancel)
      cancel(order, true, desk, id);
    else
      enter(order, true, desk, id);
  }

  void enter(const std::string& name, bool again, const Desk& desk, const FIX::SessionID& id) {
    FIX::Message order;
    order.getHeader().setField(FIX::MsgType("D"));
    order.setField(FIX::ClOrdID(name));
    order.setField(FIX::FIELD::Price, desk.open.at(name).is_far ? desk.far_price : CROSSING);
    order.setField(FIX::FIELD::OrderQty, "0.01");
    order.setField(FIX::OrdType('2'));
    order.setField(FIX::TimeInForce('1'));
    send(order, again, desk, id);
  }

  void cancel(const std::string& order, bool again, const Desk& desk, const FIX::SessionID& id) {
    FIX::Message cancel;
    cancel.getHeader().setField(FIX::MsgType("F"));
    cancel.setField(FIX::ClOrdID(order + "-c"));
    cancel.setField(FIX::OrigClOrdID(order));
    send(cancel, again, desk, id);
  }

  void send(FIX::Message& message, bool again, const Desk& desk, const FIX::SessionID& id) {
    if (again) message.getHeader().setField(FIX::PossResend(true));
    message.setField(FIX::Symbol("BTC-USD"));
    message.setField(FIX::Side(desk.side));
    message.setField(FIX::TransactTime(FIX::UtcTimeStamp(), 3));
    // Without a connection it is kept, and leaves when the venue asks for it.
    FIX::Session::sendToTarget(message, id);
  }

  const int orders_;
  std::ofstream& report_;
  std::map<FIX::SessionID, Desk> desks_;
};

}  // namespace

int main(int count, char** arguments) try {
  // Whoever started this may be killed; then nobody reads.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count != 4) fail("needs SETTINGS ORDERS REPORT");
  FIX::SessionSettings settings(arguments[1]);
  std::ofstream report(arguments[3]);
  Trader trader(settings, std::atoi(arguments[2]), report);
  FIX::MemoryStoreFactory store;
  FIX::SocketInitiator initiator(trader, store, settings);
  initiator.start();
  while (!trader.done()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::cout << "traded" << std::endl;
  std::string line;
  if (!std::getline(std::cin, line)) fail("nobody listens any more");
  // Two heartbeats: the other side sees what it misses by the first, and has got it by the second.
  for (int quiet = 0; quiet < 25; quiet = initiator.isLoggedOn() ? quiet + 1 : 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  initiator.stop();
  trader.tell_numbers();
  return 0;
} catch (const std::exception& error) {
  fail(error.what());
}
