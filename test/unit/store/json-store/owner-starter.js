/** A process that takes the store in its first argument when told to, says how that went, and holds it. */
import { diskFileSystem } from '../../../../dist/store/file-system.js'
import { takeOwnership } from '../../../../dist/store/json-store/owner.js'

const folder = process.argv[2]
process.on('message', () => {
  takeOwnership(diskFileSystem, folder, {
    token: `starter-${process.pid}`,
    highestEpoch: async () => 0,
  }).then(
    (owner) => process.send(owner.epoch),
    (error) => process.send(error.code),
  )
})
process.send('ready')
