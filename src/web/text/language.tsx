/** Which language the page speaks, and its words. */
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import { en, type Text } from './en/index.ts'
import type { Said } from './said.ts'

/** What each calls itself. English comes with the page; the others' words once somebody wants them. */
const NAMES = { en: 'English', ja: '日本語' } as const
export type Language = keyof typeof NAMES
export const LANGUAGES = Object.keys(NAMES) as readonly Language[]
const KEY = 'kagami-language'

export interface Spoken {
  readonly language: Language
  readonly text: Text
  /** For what the server says; undefined in English, which is the server's own. */
  readonly said: Said | undefined
}

interface Speech extends Spoken {
  choose(language: Language): void
}

const ENGLISH: Spoken = { language: 'en', text: en, said: undefined }
const SpeechContext = createContext<Speech>({ ...ENGLISH, choose: () => {} })

/** The words of a language; English where the server no longer has the file that this page knows. */
async function speak(language: Language): Promise<Spoken> {
  if (language === 'en') return ENGLISH
  return import('./ja/index.ts').then(
    ({ ja, said }) => ({ language, text: ja, said }),
    () => ENGLISH,
  )
}

/** As somebody has chosen here, or has told the browser. */
export function speakPreferred(): Promise<Spoken> {
  const chosen = localStorage.getItem(KEY)
  const wanted = [...(chosen === null ? [] : [chosen]), ...navigator.languages].map((one) => one.slice(0, 2))
  return speak(LANGUAGES.find((language) => wanted.find((one) => one in NAMES) === language) ?? 'en')
}

export function LanguageProvider({ first, children }: { readonly first: Spoken; readonly children: ReactNode }) {
  const [spoken, setSpoken] = useState(first)
  useEffect(() => {
    document.documentElement.lang = spoken.language
  }, [spoken])
  const choose = (chosen: Language) => {
    localStorage.setItem(KEY, chosen)
    void speak(chosen).then(setSpoken)
  }
  return <SpeechContext value={{ ...spoken, choose }}>{children}</SpeechContext>
}

export function useSpeech(): Speech {
  return useContext(SpeechContext)
}

export function nameOf(language: Language): string {
  return NAMES[language]
}
