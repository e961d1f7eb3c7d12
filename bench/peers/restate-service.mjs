/** The service behind Restate: a session machine that keeps its entries. `node restate-service.mjs PORT` */
// The SDK wants a function of Node 22.
Promise.withResolvers ??= function withResolvers() {
  const deferred = {}
  deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }))
  return deferred
}
const { endpoint } = await import('@restatedev/restate-sdk')
const { xstate } = await import('@restatedev/xstate')
const { assign, setup } = await import('xstate')

const append = assign({ entries: ({ context, event }) => [...context.entries, event.entry] })
const machine = setup({ actions: { append } }).createMachine({
  id: 'session',
  initial: 'active',
  context: { entries: [] },
  states: { active: { on: { entry: { actions: 'append' } } } },
})
await endpoint().bind(xstate('session', machine)).listen(Number(process.argv[2]))
process.stdout.write('ready\n')
