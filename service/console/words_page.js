// Words about the page around the alarms: its bar, its banners, what is announced and what goes wrong.
// Each key: English, Chinese. See i18n.js.

export const PAGE = {
  "page.skip": ["Skip to the open alarms", "跳到未处理的警报"],
  "page.not_medical": [
    "Not a medical device. Shouhu supports the people who care; it does not replace watching, judgement or emergency services.",
    "本产品不是医疗器械。守护协助照护人员，不能代替看护、判断和急救服务。",
  ],
  "page.api": ["For programs (API)", "程序接口（API）"],

  "views.label": ["Views", "视图"],
  "views.alarms": ["Alarms", "警报"],
  "views.duty": ["On duty and devices", "值班与设备"],
  "views.figures": ["Figures", "统计"],

  "waiting.title.one": ["{n} alarm waits for someone", "{n} 条警报无人接手"],
  "waiting.title": ["{n} alarms wait for someone", "{n} 条警报无人接手"],
  "waiting.detail": ["Most urgent: {priority}", "最高级别：{priority}"],
  "waiting.show": ["Show the alarms", "查看警报"],

  "panel.failed": ["It could not be loaded, or this house does not keep it.", "无法读取，或本机构未启用此功能。"],

  "bands.label": ["Notices about this screen and the service", "屏幕与服务的提示"],

  "list.comma": [", ", "、"],

  "language.other": ["中文", "English"],

  "theme.switch": ["Light or dark", "浅色或深色"],

  "fleet.sites": ["sites", "处机构"],
  "fleet.residents": ["residents", "位老人"],
  "fleet.devices": ["devices", "台设备"],
  "fleet.sites.one": ["site", "处机构"],
  "fleet.residents.one": ["resident", "位老人"],
  "fleet.devices.one": ["device", "台设备"],

  "link.connecting": ["Connecting …", "正在连接…"],
  "link.live": ["Connected", "已连接"],
  "link.lost": ["Not connected", "连接已断开"],
  "link.lost_title": ["NOT CONNECTED: alarms may be missing", "连接已断开：可能漏掉警报"],
  "link.lost_detail": [
    "No word from the service for {age}. What you see is how it was at {time}. Look after residents in person; check that the service and the network are running.",
    "已有 {age} 没有收到服务的消息，屏幕上是 {time} 的情况。请到现场查看老人，并检查服务和网络是否正常。",
  ],
  "link.unready": ["Not watching", "未在监护"],
  "link.unready_title": ["THE SERVICE IS NOT WATCHING: alarms may be missing", "服务没有在监护：可能漏掉警报"],
  "link.unready_detail": ["What is wrong: {problems}", "原因：{problems}"],
  "link.degraded_title": ["Watching, but something needs attention", "监护正常，但有情况需要处理"],

  "check.broker": ["no connection to the message broker, so devices are not heard", "与消息服务器断开，收不到设备数据"],
  "check.store": [
    "the readings' database cannot be reached (readings are kept until it can)",
    "读数数据库连接不上（读数暂存，恢复后补写）",
  ],
  "check.spool": ["the buffer for readings is full or cannot be written", "读数缓冲区已满或无法写入"],
  "check.journal": ["the alarm journal cannot be written", "警报日志无法写入"],
  "check.contacts": ["somebody is to be called by a channel that is not set up", "有人的联系方式所用的通知渠道未设置"],
  "check.database": ["the database cannot be reached", "数据库连接不上"],
  "check.fleet": ["no devices are registered", "尚未登记任何设备"],

  "sound.turn_on": ["Turn on sound", "打开声音"],
  "sound.on": ["Sound on", "声音已打开"],
  "sound.off_title": ["Sound is off", "声音没有打开"],
  "sound.off_detail": [
    "The browser stays silent until you allow it. Alarms make no sound on this screen yet.",
    "浏览器需要您点一下才会发声，现在这块屏幕上的警报没有声音。",
  ],
  "sound.pause": ["Pause sound for", "暂停声音"],
  "sound.pause_for": ["{n} min", "{n} 分钟"],
  "sound.test": ["Play the three sounds", "试听三种声音"],
  "sound.turn_off": ["Turn sound off", "关闭声音"],
  "sound.paused": ["Sound paused", "声音暂停中"],
  "sound.paused_title": ["Sound paused, {left} left", "声音暂停，还剩 {left}"],
  "sound.paused_detail": [
    "It comes back by itself. A new high-priority alarm ends the pause at once.",
    "到时自动恢复；出现新的高级别警报时立即恢复。",
  ],
  "sound.resume": ["End the pause now", "立即恢复声音"],
  "sound.about": [
    "Ten pulses: high. Three: medium. One: low. Repeated until somebody takes the alarm. Patterned after IEC 60601-1-8; loudness depends on this computer and has not been measured.",
    "十声为高级别，三声为中级别，一声为低级别，直到有人接手才停止。节奏参照 IEC 60601-1-8；音量取决于这台电脑，未经测量。",
  ],

  "who.choose": ["Who are you?", "您是谁？"],
  "who.title": ["Who is at this screen?", "现在是谁在使用这块屏幕？"],
  "who.detail": [
    "Your name is shown beside alarms you take. Chosen once, remembered on this computer.",
    "您接手的警报旁会显示您的姓名。只需选择一次，这台电脑会记住。",
  ],
  "who.none": [
    "No caregivers are registered yet. Alarms are taken in the name of this desk.",
    "尚未登记照护人员，警报将以“本值班台”的名义接手。",
  ],
  "who.desk": ["This desk", "本值班台"],
  "who.change": ["Signed in as {name}. Change", "当前是{name}，点击更换"],

  "quiet.title": ["All quiet", "一切安好"],
  "quiet.detail": [
    "No open alarms. Watching over {residents} residents with {devices} devices.",
    "没有未处理的警报。正在守护 {residents} 位老人，{devices} 台设备。",
  ],
  "quiet.empty_fleet": [
    "No open alarms, and no devices registered yet. Import a fleet to begin.",
    "没有未处理的警报，也尚未登记设备。请先导入名册。",
  ],
  "quiet.unknown": ["No open alarms are known", "没有已知的未处理警报"],
  "quiet.unknown_detail": ["This screen is not connected, so there may be some.", "屏幕没有连接到服务，可能有警报未显示。"],

  "title.count": ["({n}) Shouhu 守护", "({n}) 守护 Shouhu"],
  "title.quiet": ["Shouhu 守护", "守护 Shouhu"],
  "title.lost": ["⚠ NOT CONNECTED · Shouhu", "⚠ 连接已断开 · 守护"],

  "announce.raised": ["{priority} priority: {what}, {who}, {where}", "{priority}级别警报：{what}，{who}，{where}"],
  "announce.more": ["and {n} more", "另有 {n} 条"],
  "announce.lost": ["Not connected. Alarms may be missing.", "连接已断开，可能漏掉警报。"],
  "announce.live": ["Connected again.", "已重新连接。"],
  "announce.watching": ["The service is watching again.", "服务已恢复监护。"],

  "problem.gone": ["The alarm is no longer known to the service.", "服务中已没有这条警报。"],
  "problem.conflict": ["That is no longer possible: someone else was faster.", "已有人先处理了，这一步不再需要。"],
  "problem.network": ["The service did not answer. Nothing was changed; try again.", "服务没有应答，什么都没有改变，请重试。"],
  "problem.refused": ["The service did not accept it: {message}", "服务没有接受：{message}"],
  "problem.dismiss": ["Dismiss", "知道了"],

  "unit.s": ["{n} s", "{n} 秒"],
  "unit.per_min": ["/min", "次/分"],
  "unit.m": ["{n} m", "{n} 米"],
  "unit.km": ["{n} km", "{n} 公里"],
  "unit.min": ["{n} min", "{n} 分钟"],
  "unit.min_s": ["{m} min {s} s", "{m} 分 {s} 秒"],
  "unit.h_min": ["{h} h {m} min", "{h} 小时 {m} 分"],
  "unit.d_h": ["{d} d {h} h", "{d} 天 {h} 小时"],
  "unit.ms": ["{n} ms", "{n} 毫秒"],
  "unit.h": ["{n} h", "{n} 小时"],
  "unit.d": ["{n} d", "{n} 天"],
};
