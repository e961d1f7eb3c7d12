/** A process that takes the store in its first argument when told to, says how that went, and holds it. */
import { diskFileSystem } from '../../../../dist/store/file-system.js'
import { takeOwnership } from '../../../../dist/store/json-store/owner.js'

const folder = process.argv[2]
process.on('message', async () => {
  try {
    const owner = await takeOwnership(diskFileSystem, folder, { token: `starter-${process.pid}` })
    process.send(owner.epoch)
  } catch (error) {
    process.send(error.code)
  }
})
process.send('ready')
