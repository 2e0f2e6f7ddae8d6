/** What asks something of somebody before the page goes on. */
import { Button, type ButtonProps, Group, Modal, type ModalProps, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import { useSpeech } from '../text/language.tsx'
import { Failure } from './parts.tsx'

export function Dialog(o: {
  readonly title: ReactNode
  readonly size?: ModalProps['size']
  readonly onClose: () => void
  readonly children: ReactNode
}) {
  const { text } = useSpeech()
  useFocusBack()
  return (
    <Modal
      opened
      onClose={o.onClose}
      title={o.title}
      size={o.size ?? 'md'}
      closeButtonProps={{ 'aria-label': text.common.close }}
    >
      {o.children}
    </Modal>
  )
}

/** A dialog is here only while it is open, so it brings the focus back by itself: to what opened it, with which the keyboard goes on. */
function useFocusBack(): void {
  const [opener] = useState(() => document.activeElement)
  // What is chosen from a menu is gone with it.
  const [menu] = useState(() => opener?.closest('[role=menu]')?.getAttribute('aria-labelledby') ?? undefined)
  useEffect(
    () => () => {
      const { activeElement } = document
      // Somebody else has taken it, as the page to which the dialog led.
      if (activeElement !== null && activeElement !== document.body && !activeElement.closest('[role=dialog]')) return
      const target = opener?.isConnected || menu === undefined ? opener : document.getElementById(menu)
      if (target instanceof HTMLElement) target.focus({ preventScroll: true })
    },
    [opener, menu],
  )
}

/** The last line of a form in a dialog. */
export function DialogButtons(o: {
  readonly action: string
  readonly color?: ButtonProps['color']
  readonly isPending: boolean
  readonly isDisabled?: boolean
  readonly onCancel: () => void
}) {
  const { text } = useSpeech()
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={o.onCancel}>
        {text.common.cancel}
      </Button>
      <Button
        type="submit"
        {...(o.color ? { color: o.color } : {})}
        loading={o.isPending}
        disabled={o.isDisabled === true}
      >
        {o.action}
      </Button>
    </Group>
  )
}

/** A change that needs no more than a yes, as `useChange` makes it. */
interface Confirmed {
  readonly isPending: boolean
  readonly error: unknown
  mutate(input: undefined, o: { onSuccess: () => void }): void
}

/** Asks before something is lost; closes once it is done. */
export function Confirm(o: {
  readonly title: string
  /** What is lost, and what stays. */
  readonly children: ReactNode
  readonly action: string
  /** To be typed before, where it cannot be had back. */
  readonly name?: string
  readonly isDisabled?: boolean
  readonly color?: ButtonProps['color']
  readonly change: Confirmed
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const [typed, setTyped] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    o.change.mutate(undefined, { onSuccess: o.onClose })
  }
  return (
    <Dialog title={o.title} onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          {typeof o.children === 'string' ? <Text ta="left">{o.children}</Text> : o.children}
          {o.name === undefined ? null : (
            <TextInput
              label={text.common.typeName(o.name)}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              data-autofocus
            />
          )}
          {o.change.error === null ? null : <Failure error={o.change.error} />}
          <DialogButtons
            action={o.action}
            color={o.color ?? 'red'}
            isPending={o.change.isPending}
            isDisabled={o.isDisabled === true || (o.name !== undefined && typed !== o.name)}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}
