/** Which language the page speaks, and its words. */
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import { en, type Text } from './en/index.ts'
import { ja } from './ja/index.ts'

const TEXTS = { en, ja } as const
export type Language = keyof typeof TEXTS
export const LANGUAGES = Object.keys(TEXTS) as readonly Language[]
const KEY = 'kagami-language'

interface Speech {
  readonly language: Language
  readonly text: Text
  choose(language: Language): void
}

const SpeechContext = createContext<Speech>({ language: 'en', text: en, choose: () => {} })

function preferred(): Language {
  const chosen = localStorage.getItem(KEY)
  const wanted = [...(chosen === null ? [] : [chosen]), ...navigator.languages].map((one) => one.slice(0, 2))
  return LANGUAGES.find((language) => wanted.find((one) => one in TEXTS) === language) ?? 'en'
}

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(preferred)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const choose = (chosen: Language) => {
    localStorage.setItem(KEY, chosen)
    setLanguage(chosen)
  }
  return <SpeechContext value={{ language, text: TEXTS[language], choose }}>{children}</SpeechContext>
}

export function useSpeech(): Speech {
  return useContext(SpeechContext)
}

export function nameOf(language: Language): string {
  return TEXTS[language].languageName
}
