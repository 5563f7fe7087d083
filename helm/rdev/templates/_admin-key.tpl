{{/*
An API key: rdev_, 8 random characters, _, 32 random characters, and the CRC-32 of all of these in 6 digits of base 62.
Templates have neither CRC-32 nor XOR; on booleans XOR is `ne`.
*/}}
{{- define "rdev.newKey" -}}
{{- $body := printf "rdev_%s_%s" (randAlphaNum 8) (randAlphaNum 32) -}}
{{- $body }}{{ include "rdev.checksum" $body -}}
{{- end }}

{{/* The register is a list of 32 bits, the least significant first; the polynomial is that of zlib, 0xEDB88320. */}}
{{- define "rdev.checksum" -}}
{{- $polynomial := list 5 8 9 15 19 20 21 23 24 26 27 29 30 31 -}}
{{- $digits := "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" -}}
{{- $register := list -}}
{{- range until 32 }}{{ $register = append $register true }}{{ end -}}
{{- range $position := until (len .) -}}
  {{- $byte := index $ $position -}}
  {{- range until 8 -}}
    {{- $isOdd := ne (first $register) (eq (mod $byte 2) 1) -}}
    {{- $byte = div $byte 2 -}}
    {{- $register = append (rest $register) false -}}
    {{- if $isOdd -}}
      {{- $next := list -}}
      {{- range $at, $bit := $register }}{{ $next = append $next (ne $bit (has $at $polynomial)) }}{{ end -}}
      {{- $register = $next -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $number := 0 -}}
{{- range $bit := reverse $register }}{{ $number = add (mul $number 2) (ternary 0 1 $bit) }}{{ end -}}
{{- $text := "" -}}
{{- range until 6 -}}
  {{- $text = printf "%c%s" (index $digits (int (mod $number 62))) $text -}}
  {{- $number = div $number 62 -}}
{{- end -}}
{{- $text -}}
{{- end }}
