package sample

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// themeInputs are the themes of the sample team: four of the topics, in the languages that put spaces between words. Product
// quality and ease of use are left for suggested themes to find.
var themeInputs = []theme.CreateThemeInput{
	{Name: topicNames[delivery], Effort: model.Medium, Keywords: []string{
		"delivery", "order", "parcels", "Lieferung", "levering", "dostawa", "dostawy", "livraison", "pedido", "entrega", "consegna", "доставка", "التسليم"}},
	{Name: topicNames[support], Effort: model.Medium, Keywords: []string{
		"support", "helpdesk", "obsługa", "soporte", "suporte", "assistenza", "підтримка", "الدعم"}},
	{Name: topicNames[price], Effort: model.Hard, Keywords: []string{
		"price", "cheaper", "pay more", "Preis", "preislich", "prijs", "cena", "prix", "precio", "preço", "prezzo", "ціна", "السعر"}},
	{Name: topicNames[invoicing], Effort: model.Easy, Keywords: []string{
		"invoice", "invoices", "billed", "Rechnung", "Rechnungen", "factuur", "facturen", "faktura", "faktury", "facture", "factures", "factura", "facturas",
		"fatura", "faturas", "fattura", "fatture", "рахунок", "рахунки", "الفاتورة", "الفواتير"}},
}

// createThemes creates the themes, unless the database has themes already.
func createThemes(ctx context.Context, db *pg.DB, t *theme.Themes) error {
	var themes int64
	if err := db.Gorm.WithContext(ctx).Model(&model.Theme{}).Where("deleted_at IS NULL").Count(&themes).Error; err != nil {
		return fmt.Errorf("look for themes: %w", err)
	}
	if themes > 0 {
		return nil
	}
	for _, in := range themeInputs {
		if _, err := t.Create(ctx, auth.System("sample data"), in); err != nil {
			return fmt.Errorf("create the theme %q: %w", in.Name, err)
		}
	}
	return nil
}
