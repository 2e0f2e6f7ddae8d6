/** What has just happened, in a word, in the corner of the page. */
import { notifications } from '@mantine/notifications'
import { useSpeech } from '../text/language.tsx'

export function useTell(): (message: string) => void {
  const { text } = useSpeech()
  return (message) => void notifications.show({ closeButtonProps: { 'aria-label': text.common.close }, message })
}
