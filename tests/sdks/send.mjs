// Sends one message of each type by an SDK for Node: node send.mjs SDK HOST KEY. Ends once all are acknowledged.
import { Analytics } from "@segment/analytics-node"
import RudderAnalytics from "@rudderstack/rudder-sdk-node"

const [sdk, host, writeKey] = process.argv.slice(2)
const fail = (error) => {
  console.error(error)
  process.exit(1)
}

function segment() {
  const analytics = new Analytics({ writeKey, host, flushInterval: 50, maxRetries: 5 })
  analytics.on("error", fail)
  return [analytics, () => analytics.closeAndFlush({ timeout: 30_000 })]
}

function rudderstack() {
  const analytics = new RudderAnalytics(writeKey, { dataPlaneUrl: host, flushInterval: 50, logLevel: "error" })
  return [analytics, () => analytics.flush()]
}

const [analytics, finish] = { "segment-node": segment, "rudderstack-node": rudderstack }[sdk]()
const userId = `${sdk}-user`
analytics.identify({ userId, traits: { city: "Lyon" } })
analytics.track({ userId, event: `${sdk} Order`, properties: { revenue: 19.99 } })
analytics.page({ userId, name: `${sdk} Page` })
analytics.screen({ userId, name: `${sdk} Screen` })
analytics.group({ userId, groupId: "acme", traits: { size: 3 } })
analytics.alias({ userId, previousId: `${sdk}-before` })
await finish()
