/** Whether the browser has had nothing better to do since this was shown: what is heavy and below waits for that. */
import { useEffect, useState } from 'react'

const LATEST_MS = 3000

export function useRested(): boolean {
  const [isRested, setRested] = useState(false)
  useEffect(() => {
    const rest = () => setRested(true)
    // Safari has no word for it.
    if (typeof requestIdleCallback === 'undefined') {
      const timer = setTimeout(rest, 500)
      return () => clearTimeout(timer)
    }
    const asked = requestIdleCallback(rest, { timeout: LATEST_MS })
    return () => cancelIdleCallback(asked)
  }, [])
  return isRested
}
