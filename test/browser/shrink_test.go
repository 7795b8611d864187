package browser_test

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shrink rewrites the pictures of a folder with at most 256 colours each. Pages of text lose nothing that an eye would see,
// and the repository stays small.
func shrink(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		shrinkFile(t, f)
	}
}

func shrinkFile(t *testing.T, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	full, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&small, paletted(full)); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := os.WriteFile(path, small.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// paletted keeps the 256 most frequent colours, so that grounds and inks stay exact, and shows each other colour, which is an
// edge of a letter or a shadow, in the nearest of them.
func paletted(full image.Image) *image.Paletted {
	count := map[color.RGBA]int{}
	eachPixel(full, func(_, _ int, c color.RGBA) { count[c]++ })
	byCount := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(number(a), number(b)))
	})
	var palette color.Palette
	for _, c := range byCount[:min(len(byCount), 256)] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for c := range count {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(full.Bounds(), palette)
	eachPixel(full, func(x, y int, c color.RGBA) { small.SetColorIndex(x, y, nearest[c]) })
	return small
}

// number orders colours, so that the same picture always gives the same file.
func number(c color.RGBA) uint32 { return uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B) }

func eachPixel(m image.Image, do func(x, y int, c color.RGBA)) {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			do(x, y, color.RGBAModel.Convert(m.At(x, y)).(color.RGBA))
		}
	}
}
