// What pages do with Segment's SDK for the browser. The hash has a list of frames, or one frame: {scenario, key, host}.
const asked = JSON.parse(decodeURIComponent(location.hash.slice(1)))
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function load({ key, host }, delivery) {
  const options = delivery ? { integrations: { "Segment.io": { deliveryStrategy: delivery } } } : {}
  return AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnURL: host }, options)
}

function trackMany(analytics, scenario, count) {
  for (let number = 1; number <= count; number++) analytics.track(`${scenario} ${number}`)
}

const scenarios = {
  async plain(frame) {
    const analytics = load(frame)
    analytics.page("plain 1")
    analytics.identify("plain-user", { city: "Lyon" })
    analytics.track("plain 2", { revenue: 19.99 })
  },
  async batching(frame) {
    trackMany(load(frame, { strategy: "batching", config: { size: 4, timeout: 300 } }), "batching", 10)
  },
  async beacon({ key, host }) {
    const message = { writeKey: key, anonymousId: "beacon", event: "beacon 1", messageId: "beacon-1" }
    navigator.sendBeacon(`${host}/v1/t`, JSON.stringify(message))
  },
  async leaving(frame) {
    const analytics = load(frame, { strategy: "batching", config: { size: 100, timeout: 600_000 } })
    trackMany(analytics, "leaving", 3)
    await analytics.ready()
    await pause(500)
    location.href = "about:blank"
  },
  async offline(frame) {
    let isOnline = false
    Object.defineProperty(navigator, "onLine", { get: () => isOnline })
    const analytics = load(frame)
    trackMany(analytics, "offline", 3)
    await pause(1000)
    isOnline = true
    window.dispatchEvent(new Event("online"))
  },
  async restart(frame) {
    const analytics = load(frame)
    for (let number = 1; number <= 12; number++) {
      analytics.track(`restart ${number}`)
      await pause(300)
    }
  },
  // The server, or what is between, makes these hard.
  limited: async (frame) => trackMany(load(frame), "limited", 3),
  slow: async (frame) => trackMany(load(frame), "slow", 3),
  lost: async (frame) => trackMany(load(frame), "lost", 3),
}

function show(frame) {
  const element = document.createElement("iframe")
  element.src = `page.html#${encodeURIComponent(JSON.stringify(frame))}`
  document.body.append(element)
}

if (Array.isArray(asked)) addEventListener("load", () => asked.forEach(show))
else scenarios[asked.scenario](asked)
