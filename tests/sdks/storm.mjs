// Identifies 20 people twice within a millisecond by Segment's SDK for Node: node storm.mjs HOST KEY. Prints how many pairs had one time.
import { Analytics } from "@segment/analytics-node"

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxRetries: 5 })
const times = new Map()
analytics.on("error", (error) => {
  console.error(error)
  process.exit(1)
})
analytics.on("identify", ({ userId, timestamp }) => {
  times.set(userId, [...(times.get(userId) ?? []), timestamp?.valueOf()])
})
for (let number = 0; number < 20; number++) {
  const userId = `storm-${number}`
  analytics.identify({ userId, traits: { plan: "pro" } })
  analytics.identify({ userId, traits: { plan: "free" } })
}
await analytics.closeAndFlush({ timeout: 30_000 })
console.log([...times.values()].filter(([first, second]) => first === second).length)
