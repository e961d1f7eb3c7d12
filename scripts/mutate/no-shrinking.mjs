/** Set before the tests of a mutant: one counterexample is enough, nobody reads the smallest. */
import fc from 'fast-check'

fc.configureGlobal({ endOnFailure: true })
