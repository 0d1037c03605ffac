#!/bin/sh
# Signs, notarises and packs dist/Earshot.app into dist/Earshot.dmg. Run after `make app`, on a Mac.
# Needs EARSHOT_IDENTITY (a Developer ID Application identity) and EARSHOT_NOTARY (a notarytool keychain profile).
set -eu
cd "$(dirname "$0")/.."
app=dist/Earshot.app
entitlements=packaging/entitlements.plist
: "${EARSHOT_IDENTITY:?name the signing identity}" "${EARSHOT_NOTARY:?name the notarytool profile}"

"$app/Contents/MacOS/Earshot" --self-test

# Inside out: libraries, then frameworks, then the app. Never --deep: it signs in the wrong order and drops entitlements.
find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) -exec \
    codesign --force --timestamp --options runtime --sign "$EARSHOT_IDENTITY" {} +
find "$app/Contents" -type d -name '*.framework' -prune -exec \
    codesign --force --timestamp --options runtime --sign "$EARSHOT_IDENTITY" {} +
codesign --force --timestamp --options runtime --entitlements "$entitlements" --sign "$EARSHOT_IDENTITY" "$app"
codesign --verify --strict --verbose=2 "$app"
codesign --display --entitlements - "$app" | grep -q audio-input

# ditto keeps the symbolic links that zip and cp -L break.
ditto -c -k --keepParent "$app" dist/Earshot.zip
xcrun notarytool submit dist/Earshot.zip --keychain-profile "$EARSHOT_NOTARY" --wait
xcrun stapler staple "$app"
hdiutil create -volname Earshot -srcfolder "$app" -ov -format UDZO dist/Earshot.dmg
codesign --timestamp --sign "$EARSHOT_IDENTITY" dist/Earshot.dmg
xcrun notarytool submit dist/Earshot.dmg --keychain-profile "$EARSHOT_NOTARY" --wait
xcrun stapler staple dist/Earshot.dmg

mount=$(mktemp -d)
hdiutil attach -quiet -nobrowse -mountpoint "$mount" dist/Earshot.dmg
"$mount/Earshot.app/Contents/MacOS/Earshot" --self-test
hdiutil detach -quiet "$mount"
rm -f dist/Earshot.zip
