// Words about residents: how somebody stands, outings, falls that raised no alarm.
// Each key: English, Chinese. See i18n.js.

export const RESIDENTS = {
  "resident.open": ["How this resident stands", "查看这位老人的情况"],
  "resident.loading": ["Loading …", "正在读取…"],
  "resident.failed": ["It could not be loaded.", "无法读取。"],
  "resident.unknown": ["The service does not know this resident.", "服务中没有这位老人。"],
  "resident.close": ["Close", "关闭"],
  "resident.input": ["Input", "项目"],
  "resident.measured": ["Last measured", "最近一次测量"],
  "resident.points": ["Points", "评分"],
  "resident.expired": ["too old to count", "已过时，不计分"],
  "resident.never": ["never measured", "从未测到"],
  "resident.no_device": ["no device tells", "没有设备能测"],
  "resident.not_told": ["nobody said", "未登记"],
  "resident.sources": ["Bracelet and bed mat", "手环与床垫"],
  "resident.better": ["Better signal", "信号较好"],
  "resident.other": ["The other", "另一设备"],
  "resident.usual": ["Usual at rest", "静息时的平时水平"],
  "resident.usual_detail": [
    "By the hour of day. A part of the day is judged once {needed} hours of it are learned; until then nothing is said of it.",
    "按一天中的时段。每个时段学满 {needed} 小时后才作比较，在此之前不作判断。",
  ],
  "resident.usual_none": [
    "Nothing is learned yet. A part of the day is judged once {needed} hours of it are learned: the whole day after {days} days at the earliest.",
    "尚未学到任何数据。每个时段学满 {needed} 小时后才作比较：全天最早需要 {days} 天。",
  ],
  "resident.needs": ["whole day judged in {days} d at the earliest", "最早 {days} 天后全天可比较"],
  "resident.speaks": ["whole day judged", "全天可比较"],
  "resident.hours": ["{known}/{needed} h", "{known}/{needed} 时"],

  "outing.title": ["Out in company", "陪同外出"],
  "outing.none": ["Nobody is out in company.", "没有人陪同外出。"],
  "outing.open": ["Someone goes out …", "有人外出…"],
  "outing.accompany": ["Out in company …", "陪同外出…"],
  "outing.dialog": ["Out in company", "陪同外出"],
  "outing.detail": [
    "Leaving a safe zone is then no alarm; forbidden zones still are. It ends by itself, after 24 hours at most.",
    "外出期间离开安全区域不报警，进入禁入区域仍会报警。到时自动结束，最长 24 小时。",
  ],
  "outing.resident": ["Who goes out?", "谁外出？"],
  "outing.when": ["Until when?", "到什么时候？"],
  "outing.submit": ["Note", "登记"],
  "outing.until": ["until {time}", "至 {time}"],
  "outing.said": ["noted by {name}", "{name} 登记"],
  "outing.back": ["Is back", "已回来"],
  "outing.noted": ["Noted: out in company until {time}. In force within seconds.", "已登记：陪同外出至 {time}，几秒内生效。"],
  "outing.ended": ["Noted: the safe zones count again within seconds.", "已登记：安全区域几秒内恢复。"],

  "missed.open": ["Report a missed fall", "报告漏报的跌倒"],
  "missed.title": ["A fall that raised no alarm", "没有报警的跌倒"],
  "missed.detail": [
    "Kept with the motion of that time, to find such falls better in future. Nothing is set differently by it.",
    "报告会与当时的动作数据一起保存，用于以后更好地发现这类跌倒，不会改变任何设置。",
  ],
  "missed.resident": ["Who fell?", "谁跌倒了？"],
  "missed.choose": ["Choose …", "请选择…"],
  "missed.when": ["About when?", "大约什么时候？"],
  "missed.note_hint": ["How you found out, how they fell. No need for names.", "怎样发现的、怎样跌倒的。不必写姓名。"],
  "missed.submit": ["Report", "报告"],
  "missed.kept": [
    "Thank you. {span} of motion around that time are kept with the report.",
    "谢谢。报告已保存，附有当时 {span}的动作数据。",
  ],
  "missed.kept_none": [
    "Thank you, the report is kept. There is no motion of that time: none was sent, or it is no longer stored.",
    "谢谢，报告已保存。没有当时的动作数据：设备没有发来，或已不再保存。",
  ],
  "missed.kept_elsewhere": [
    "Thank you, the report is kept, without motion: readings are stored in another database here.",
    "谢谢，报告已保存，但没有动作数据：这里的读数存放在另一个数据库。",
  ],
  "missed.kept_unavailable": [
    "Thank you, the report is kept, without motion: stored readings cannot be read right now.",
    "谢谢，报告已保存，但没有动作数据：暂时无法读取已存的读数。",
  ],
};
